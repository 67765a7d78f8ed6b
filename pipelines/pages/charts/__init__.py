"""Drawings for a page: by matplotlib, as SVG that takes its colours and its font from the page.

`drawing` (a painter's axes become a `Chart`), `colours` (names of the page's own), `texts` (labels that fit),
`painters` (curves, dots with errors, bars, matrices, clouds), `svg` (what matplotlib wrote, made fit for a page).
"""
