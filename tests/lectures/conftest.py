"""Fonts are listed once for all sessions."""

import matplotlib as mpl

mpl.get_cachedir()  # remembered before tests get another HOME: else the list of fonts is made anew, for seconds
