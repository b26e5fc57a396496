"""What a reader would have to be told otherwise, found from the images alone: the heart, its phases and its ends."""
