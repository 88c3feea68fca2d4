"""The file of plays: what it may say, and the checked values that it becomes."""
