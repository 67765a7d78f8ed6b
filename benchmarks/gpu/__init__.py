"""What a machine with a GPU should show, in minutes: `python -m benchmarks gpu`.

command.py  the parts in order of worth, each in a process of its own, within so many seconds; keeps what each says
parts.py    the parts: the tests that need CUDA, Otto's presets
networks.py further parts: small networks beside their peers, lecture 10's network, ways to run a step
tables.py   what was measured as tables of docs/benchmarks.md
"""
