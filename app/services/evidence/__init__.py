"""Originals and their manifests: taken in write-once, examined, shown with an audit trail."""
