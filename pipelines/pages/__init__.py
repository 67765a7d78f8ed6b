"""What a run found out, as a page: one file that works offline, in English or Chinese.

- `words`: which language, and how numbers are written; `parts`, `marks`: what a section of a page is made of, as data.
- `render`: the templates of `templates/`, by Jinja2; `first`: the first screen.
- `charts` and `sections`, rooms of their own: drawings, and what a report says below its first screen.
- `write`: a run's report; `compared`: two runs side by side; `live`: a run that goes on.
- `commands`: the commands `report` and `compare`.
"""
