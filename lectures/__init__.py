"""The lectures, one small file each: data, model, criterion and optimizer for the shared loop."""
