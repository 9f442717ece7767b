"""Why a number of a gradient, or a value, is what it is: the search through one recorded run, and its words."""
