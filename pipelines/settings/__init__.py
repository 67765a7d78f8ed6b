"""What a person may choose, looked at before torch is loaded.

Read in this order: `allowed` (what a value may be, in words), `contradictions` (what values may not be together),
`lookup` (from a name to a competition's folder), `knobs` (what the command line overrides), `trial` (a metric's
function, called before anything is trained), `plan` (how a run is cross-validated, by all of these).
`tuned` is the recipe that `tune` has found, a variant by that name. `written` finds the line of a competition's folder
that an error is about.
`variants`, ready-made networks and trees for a folder to choose, is for folders alone, and loads torch.
"""
