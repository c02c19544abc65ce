"""The demonstration: a sample city and two reference phones that do the main job through HTTP, as any client would."""
