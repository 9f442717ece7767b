"""What `adcli fit` prints and writes: the results, the rows with fitted values, the plot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.fitting.loss import columns as loss_columns
from adcli.cli.options import Job
from adcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adcli.api.fit import Fit
    from adcli.cli.fitting.rows import Setting
    from adcli.engines.flags import Flag
    from adcli.report.plot import Plot


class Output:
    """Where the results of one fit go. plot: a file's name, "" for a plot below the results, None for none."""

    def __init__(self, job: Job, predict: str | None, residuals: bool, plot: str | None) -> None:
        self.job = job
        self.predict, self.residuals, self.plot = predict, residuals, plot
        self.kind = job.format()
        if residuals and predict is None:
            raise UsageError("--residuals are columns of --predict", help="--predict - writes rows to standard output")
        target = job.options.get("target")
        if predict == "-" and target in (None, "-") and self.kind != "text":
            raise UsageError("--predict - and the results would both go to standard output", help="-o FILE takes the results")
        if plot == "" and (self.kind != "text" or job.options.get("get") is not None):
            raise UsageError("--plot draws below the results as text", help="--plot FILE.svg writes a picture")

    @property
    def again(self) -> bool:
        """Whether the rows are needed as they came."""
        return self.predict is not None

    def write(self, made: Setting, fit: Fit) -> None:
        """Everything that is asked for; the exit code is 1 where the fit has not converged."""
        from adcli.cli.streams import error_text, write_file
        from adcli.report.fit import warnings

        job, source = self.job, made.model.program.source
        if self.plot:
            from adcli.report.plot_svg import svg

            write_file(self.plot, svg(plotted(made, fit)))
        if self.predict is not None:
            self._rows(made, fit, self.predict)
        flags = [flag._replace(message=f"{flag.message} ({count:,} row{'s' * (count != 1)})") for flag, count in made.model.flags.items()]
        flags = [*made.model.moved, *flags]
        self._results(made, fit, flags)
        if not job.options.get("quiet"):
            said = warnings(fit.report)
            if not fit.report.converged and not (job.drawing and self.kind == "text"):  # the table says so itself
                said.insert(0, f"not converged: {fit.report.why}")
            error_text("".join(f"{line}\n" for line in folded(said)))
        job.say(program=source.name, data=made.model.rows.place.name, rows=fit.report.rows, left_out=fit.report.dropped or "")
        if not fit.report.converged:
            raise click.exceptions.Exit(1)

    def _results(self, made: Setting, fit: Fit, flags: Sequence[Flag]) -> None:
        from adcli.cli.document import Document, round_all, to_lines
        from adcli.cli.streams import error_text, takes_unicode

        job, report, source = self.job, fit.report, made.model.program.source
        document = Document("adcli/fit/1")
        document.data, document.absent = report.data(), report.absent()
        for name, value in report.lines():
            document.add(name, value)
        if self.kind != "text" or job.options.get("get") is not None:
            job.finish(document, flags, source)
            return
        digits = job.options.get("digits")
        round_all(document, digits)
        text = report.text(digits) if job.drawing else to_lines(document)
        if self.plot == "":
            from adcli.report.plot_text import text as drawn

            text += "\n" + drawn(plotted(made, fit), ascii_only=not takes_unicode())
        flags = job.flagged(flags)
        if self.predict == "-" and job.options.get("target") is None:  # rows have standard output for themselves
            if not job.options.get("quiet"):
                error_text(text)
            job.show_flags(flags, source)
        else:
            job.deliver(text, flags, source, False)

    def _rows(self, made: Setting, fit: Fit, path: str) -> None:
        """The rows of the data with new columns, in the format of the file's suffix or else of the data."""
        from adcli.cli.streams import open_output
        from adcli.data.formats import by_suffix

        if made.target is None:
            columns = loss_columns(made.predicts, made.model, fit.vector, fit.fitted)
        else:
            columns = {"fitted": fit.fitted}
        if self.residuals:
            columns |= {"residual": fit.residuals, "studentised": fit.studentised}
        clash = next((name for name in columns if name in made.file.names), None)
        if clash is not None:
            raise UsageError(f"--predict adds a column '{clash}', and the data have one, too", help="rename the column of the data")
        format = (by_suffix(path) if path != "-" else None) or made.file.format
        with open_output(path) as put:
            made.file.write(put, made.model.rows, format, columns, self.job.options.get("digits"))


def plotted(made: Setting, fit: Fit) -> Plot:
    """The data and the fit: over the column the model reads, if it is one number in each row."""
    import numpy as np

    from adcli.report.fit_plot import CURVE, against, over_column

    values = list(made.model.values.items())
    target: list[float] = made.target.tolist()
    if len(values) == 1 and values[0][1].ndim == 1 and values[0][1].dtype.kind == "f":
        name, x = values[0]
        points: Any = np.linspace(x.min(), x.max(), CURVE)
        return over_column(name, made.label, x.tolist(), target, (points.tolist(), made.model.curve(fit.vector, points).tolist()))
    return against(made.label, target, fit.fitted.tolist())


def folded(sentences: Sequence[str]) -> list[str]:
    """Sentences in lines of a terminal's width, if they go to one; whole ones elsewhere."""
    from adcli.cli.group import width
    from adcli.cli.streams import terminal
    from adcli.report.grid import wrapped

    if not terminal(sys.stderr):
        return list(sentences)
    return [line for sentence in sentences for line in wrapped(sentence, max(40, width() - 1), 2)]
