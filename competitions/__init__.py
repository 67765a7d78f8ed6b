"""What is special about each competition; how it is done lives in `pipelines`."""
