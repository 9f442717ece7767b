"""HTML as text that knows it is markup: what is not has its special characters escaped.

    element("p", "a < b", class_="f")   →   <p class="f">a &lt; b</p>
"""

from __future__ import annotations

import re

# What HTML has no way to write or a reader could not see: controls, surrogates, and what turns the direction of text around.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]")
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
VOID = frozenset({"meta", "input", "br", "hr"})


class Html(str):
    """Markup."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """Text as markup; characters that nobody would see are written <U+202E>."""
    if isinstance(text, Html):
        return text
    if not text.isprintable():
        text = _HIDDEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)
    return Html(text.translate(_SPECIAL))


def element(tag: str, /, *content: str, **attributes: str | int | bool | None) -> Html:
    """An element. class_="x" is its class, data_line=3 its data-line; True is an attribute without a value, None and False none."""
    parts = ["<", tag]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        parts += [" ", key.rstrip("_").replace("_", "-")]
        if value is not True:
            parts += ['="', escaped(str(value)), '"']
    parts.append(">")
    if tag in VOID:
        return Html("".join(parts))
    parts += map(escaped, content)
    parts += ["</", tag, ">"]
    return Html("".join(parts))
