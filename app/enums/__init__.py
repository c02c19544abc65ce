"""The shared vocabulary, one file per area: each value with its Chinese and English label."""
