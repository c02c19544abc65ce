"""Which store this installation uses: a folder of the data directory, or S3 by ANSHAO_STORAGE_URL."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from obstore.store import S3Store as Bucket

from app.config import Settings
from app.storage.local import LocalStore
from app.storage.s3 import S3Store
from app.storage.store import ObjectStore


class StorageRefused(RuntimeError):
    """The storage address cannot be used; the message says why."""


def open_store(settings: Settings) -> ObjectStore:
    """The store of the settings; nothing is asked of an S3 server yet (readyz does). Raises StorageRefused."""
    if settings.storage_url is None:
        return LocalStore(settings.data_dir / "objects")
    address = urlsplit(settings.storage_url)
    if address.scheme != "s3" or not address.netloc:
        raise StorageRefused(
            f"ANSHAO_STORAGE_URL is s3://bucket/prefix, not {settings.storage_url} / 存储地址应为 s3://桶/前缀"
        )
    options: dict[str, Any] = {
        "region": settings.s3_region,
        "copy_if_not_exists": "multipart",
        "client_options": {"timeout": "30s", "connect_timeout": "5s"},
        "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    }
    if settings.s3_endpoint is not None:
        options["endpoint"] = settings.s3_endpoint
        options["client_options"]["allow_http"] = settings.s3_endpoint.startswith("http://")
    if settings.s3_access_key is not None and settings.s3_secret_key is not None:
        options["access_key_id"] = settings.s3_access_key
        options["secret_access_key"] = settings.s3_secret_key.get_secret_value()
    return S3Store(Bucket(address.netloc, prefix=address.path.strip("/") or None, **options))
