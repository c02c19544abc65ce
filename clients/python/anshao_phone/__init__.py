"""The reference phone of Anshao: a durable outbox for sealed packages and their files, receipts checked before anything is deleted.

`Phone` is what an application uses; `Device` sends single requests. It needs httpx and cryptography, and nothing of the server.
"""

from anshao_phone.answers import NoNetwork, Step
from anshao_phone.asking import QueueWaits, Stopped
from anshao_phone.clock import Clock
from anshao_phone.device import Device
from anshao_phone.holdings import Holdings, PullRefused
from anshao_phone.keys import DeviceKey, SoftwareKey
from anshao_phone.numbers import NumbersRefused
from anshao_phone.outbox import File, Item, Outbox
from anshao_phone.phone import Phone, StillHere
from anshao_phone.protocol import Outcome, Photo, SealedPackage, hazard_result, sha256_of
from anshao_phone.receipts import Receipt, ReceiptRefused, check_receipt
from anshao_phone.sending import Acknowledged, Report

__all__ = [
    "Acknowledged",
    "Clock",
    "Device",
    "DeviceKey",
    "File",
    "Holdings",
    "Item",
    "NoNetwork",
    "NumbersRefused",
    "Outbox",
    "Outcome",
    "Phone",
    "Photo",
    "PullRefused",
    "QueueWaits",
    "Receipt",
    "ReceiptRefused",
    "Report",
    "SealedPackage",
    "SoftwareKey",
    "Step",
    "StillHere",
    "Stopped",
    "check_receipt",
    "hazard_result",
    "sha256_of",
]
