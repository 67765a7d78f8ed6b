"""What a run found out, as a page: one file that works offline, in English or Chinese.

`parts` (what a section is made of), `words` (which language), `live` (the page while a run goes on).
"""
