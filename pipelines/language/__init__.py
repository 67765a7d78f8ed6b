"""What is shown, in English or Chinese: the code says English, and what passes to a person is looked up here.

`choice` (which language), `templates` (a sentence with fields: recognised, and filled), `po` (the catalogue's files,
as gettext writes them), `catalogue` (a text's translation), `extract` (which sentences the code says; writes what is
new into the catalogue), `not_shown` (what it takes for one, and is none), `foreign` (those of other programs that are
passed on).
"""
