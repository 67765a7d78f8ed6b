"""The course's programs, one small file each: data, model, criterion, optimizer; the loop is `pipelines.training`."""
