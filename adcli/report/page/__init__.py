"""One run as one HTML page that steps through its sweeps: program, trace, inspector and graph, in a single file without references.

`page.page` writes it. All that it shows is markup; `page.js` only moves through it, and `page.css` draws it. Both are part of the file
and named by their hashes in its content-security policy.
"""
