"""Pictures of numbers and of frames: plots, curves, scenes, films."""
