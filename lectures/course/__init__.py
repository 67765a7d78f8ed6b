"""What the lectures share. In reading order.

- `lecture`: what a lecture is: its gates, and the setting in which it runs
- `program`: runs a lecture's program and hands back what it made
- `catalogue`: finds lectures and runs them
- `fit`: hands rows to the shared loop, and draws the losses
- `folds`: many small networks over folds and seeds, trained as one program (lecture 7)
- `image_training`: the same for images (lectures 9 to 11)
- `image_program`: runs the program of an image lecture and hands back images and network as the pictures take them
- `data`: diabetes, names and digits, from `fetching` (a folder or a mirror), read by `idx` (MNIST's format), or
  `made_samples` where there is no network
- `name_classifier`: the network of lecture 13, kept, and asked for one name's country
- `notebooks`: makes a notebook of each program, with `data_cell`, which fetches the files there
- `overview`: a page with all pictures, and what each lecture must show
"""
