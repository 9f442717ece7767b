"""Characters that no token begins with: what they are, and what to type in their place."""

from __future__ import annotations

import re

from adcli.errors import CharacterError, OperatorError, ParseError, Span

# Drawn like an ASCII character, or meaning what one of ours means.
LOOK_ALIKES = {
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\u2796\u02d7", "-"),
    **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2217\u2022\u2062\u2715\u2a2f", "*"),
    **dict.fromkeys("\u00f7\u2215\u2044\u2236", "/"),
    **dict.fromkeys("\u2032\u2018\u2019\u00b4\u22a4", "'"),
    **dict.fromkeys("\u2264\u2a7d", "<="), **dict.fromkeys("\u2265\u2a7e", ">="), "\u2260": "!=",
    **dict.fromkeys("\u2192\u21a6", "->"), **dict.fromkeys("\u2190\u2254", "="), **dict.fromkeys("\u2026\u2025", ".."),
    "\u2227": "and", "\u2228": "or", "\u00ac": "not", "\u2208": "in", "\u00b0": "*pi/180",
    "\u03c0": "pi", "\u221e": "inf", "\u221a": "sqrt( )", "\u2211": "sum( )", "\u220f": "prod( )",
    "\u03b1": "alpha", "\u03b2": "beta", "\u03b3": "gamma", "\u03b4": "delta", "\u03b5": "epsilon", "\u03b6": "zeta", "\u03b7": "eta",
    "\u03b8": "theta", "\u03ba": "kappa", "\u03bb": "lambda", "\u03bc": "mu", "\u00b5": "mu", "\u03be": "xi", "\u03c1": "rho",
    "\u03c3": "sigma", "\u03c4": "tau", "\u03c6": "phi", "\u03c7": "chi", "\u03c8": "psi", "\u03c9": "omega", "\u0394": "Delta",
    "\u03a3": "Sigma", "\u03a9": "Omega",
    # Letters of other alphabets that are drawn as Latin ones: Cyrillic, then Greek.
    **dict(zip("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455", "aeopcyxijs", strict=True)),
    **dict(zip("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425", "ABEKMHOPCTX", strict=True)),
    **dict(zip("\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f", "ABEZHIKMNO", strict=True)),
    **dict(zip("\u03a1\u03a4\u03a5\u03a7\u03bf\u03bd", "PTYXov", strict=True)),
}  # fmt: skip

_SUPERSCRIPTS = dict(zip("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "0123456789", strict=True))
_SUBSCRIPTS = dict(zip("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789", strict=True))
_CONTROLS = {"\x00": "NULL", "\x1b": "ESCAPE", "\x07": "BELL", "\x08": "BACKSPACE", "\r": "CARRIAGE RETURN", "\x0b": "LINE TABULATION",
             "\x0c": "FORM FEED", "\x7f": "DELETE"}  # fmt: skip

# ASCII text that is an operator elsewhere: (what stands there, message, help), the longest first.
ELSEWHERE = (
    ("&&", "'&&' is not an operator", "write and"),
    ("||", "'||' is not an operator", "write or"),
    ("!", "'!' is not an operator", "write not for negation, factorial(n) for the factorial"),
    ("&", "'&' is not an operator", "write and"),
    ("|", "'|' is not an operator", "write or; the absolute value is abs(x)"),
    ("~", "'~' is not an operator", "write not"),
    ("?", "'?' is not an operator", "write if c { a } else { b }"),
    ('"', "there are no strings", "remove the quotes"),
    ("`", "'`' has no meaning", "remove it"),
    ("$", "'$' has no meaning", "names begin with a letter or _; remove the $"),
    ("\\", "'\\' has no meaning", "a line that ends in an operator goes on by itself; a lambda is written x -> x^2"),
    (".", "'.' stands alone", "a number is written 0.5 or .5, a range 0..n; values have no attributes"),
)


def foreign(text: str, at: int) -> ParseError:
    """The error for a character that begins no token."""
    char = text[at]
    latex = re.compile(r"(?<![A-Za-z0-9_)\]])\\[A-Za-z]+").match(text, at)
    if latex:
        advice = "write names without \\, fractions as a/b, and arguments in parentheses: sqrt(x)"
        return OperatorError("LaTeX is not the language here", Span(at, latex.end()), help=advice)
    for word, message, advice in ELSEWHERE:
        if text.startswith(word, at):
            return OperatorError(message, Span(at, at + len(word)), help=advice)
    return CharacterError(f"{describe(char)} is not a character of the language", Span(at, at + 1), help=_advice(char))


def hidden(at: int, match: re.Match[str]) -> ParseError:
    """The error for a control or direction character in a comment."""
    span = Span(at + match.start(), at + match.end())
    help = "remove it: it can make the text look other than it is"
    return CharacterError(f"{describe(match.group())} may not stand in a comment", span, help=help)


def describe(char: str) -> str:
    """A character named for a message, shown only where it is printable: U+2212 MINUS SIGN ('−')."""
    import unicodedata

    if "\udc80" <= char <= "\udcff":  # how Python holds the bytes of an argument that is no text
        return f"byte 0x{ord(char) - 0xDC00:02x}"
    name = _CONTROLS.get(char) or unicodedata.name(char, "")
    shown = f" ('{char}')" if unicodedata.category(char)[0] in "LNPS" else ""
    return f"U+{ord(char):04X}{' ' + name if name else ''}{shown}"


def _advice(char: str) -> str:
    import unicodedata

    if char in _SUPERSCRIPTS:
        return f"write ^{_SUPERSCRIPTS[char]}"
    if char in _SUBSCRIPTS:
        return f"write the digit {_SUBSCRIPTS[char]}, as in x{_SUBSCRIPTS[char]}"
    if char in LOOK_ALIKES:
        return f"write {LOOK_ALIKES[char]}"
    if char in "\u201c\u201d\u201e\u00ab\u00bb":
        return "there are no strings; remove the quotes"
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return f"write the digit {digit}"
    if "\udc80" <= char <= "\udcff":
        return "the text is not UTF-8, or the locale says another encoding"
    category = unicodedata.category(char)
    if category == "Zs":
        return "write an ordinary space"
    if category[0] == "C":
        return "remove it: it cannot be seen, and came with copied text"
    plain = unicodedata.normalize("NFKC", char)
    if plain != char and plain.isascii():
        return f"write {plain}"
    return "use the letters A to Z, a to z, digits and _ in names; other characters may stand in comments, after #"
