"""What phones hold of the data: pulled as an ordered delta with tombstones, told by stream that there is more."""
