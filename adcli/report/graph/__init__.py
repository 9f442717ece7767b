"""The computational graph of a formula, of a program, or of one run, as data, and its pictures.

    recorded.graph(trace)         the flat graph of one run: values, tangents and adjoints are those of the trace
    svg.draw(graph, view)         drawn, by the layout of this package; `labels.View` says what is shown
"""

from adcli.report.graph.labels import View
from adcli.report.graph.model import Box, Edge, Graph, Node

__all__ = ["Box", "Edge", "Graph", "Node", "View"]
