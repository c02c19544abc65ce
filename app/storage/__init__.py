"""Write-once object storage: a local folder that survives power cuts, or S3."""
