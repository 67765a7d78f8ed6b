"""What a person sees.

`console` (lines, bars, plain errors), `lines` (of a run), `curves` (in TensorBoard or Visdom), `live` (a room: what is
known while a run goes on), `watched` (a run with all of that). `options` are those that several
commands have; `asked` looks at what they are given, `help` says it, and what is wrong with it, in one's language.

`process` minds closed streams and signals, `pictures` draws whatever the environment says of matplotlib.
"""
