"""Perceptual hashes: the same picture is found again recompressed, resized, turned or cropped a little; another picture is not."""

import io
import random
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import imagehash
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from app.services.evidence.decoding import examine
from app.services.evidence.likeness import (
    FOUND_SURELY,
    Turn,
    as_signed,
    as_unsigned,
    distance,
    hashes_of,
    probes_of,
    slots_of,
)
from app.services.evidence.standards import standards_with

LARGEST = standards_with(150).likeness["largest_distance"]
SAME_SCENE = [{"landscape_1.jpg", "landscape_6.jpg"}, {"portrait_3.jpg", "portrait_8.jpg"}]
"""Photographs of the set that show the same picture, held differently."""

Edit = Callable[[Image.Image], Image.Image]


def cropped(share: float) -> Edit:
    def edit(picture: Image.Image) -> Image.Image:
        width, height = picture.size
        left, top = int(width * share), int(height * share)
        return picture.crop((left, top, width - left, height - top))

    return edit


def spotted(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    changed = picture.copy()
    ImageDraw.Draw(changed).rectangle(
        (width * 0.4, height * 0.4, width * 0.55, height * 0.55), fill=(128, 128, 128)
    )
    return changed


EDITS: dict[str, Edit] = {
    "unchanged": lambda picture: picture,
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "turned by 90": lambda picture: picture.rotate(90, expand=True),
    "turned by 180": lambda picture: picture.rotate(180),
    "turned by 270": lambda picture: picture.rotate(270, expand=True),
    "mirrored": ImageOps.mirror,
    "mirrored and turned": lambda picture: ImageOps.mirror(picture).rotate(90, expand=True),
    "cropped by 1 % a side": cropped(0.01),
    "cropped by 2 % a side": cropped(0.02),
    "cropped by 3 % a side": cropped(0.03),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.3),
    "more contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(1.4),
    "without colour": lambda picture: picture.convert("L"),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(3)),
    "a patch painted over": spotted,
}


def recompressed(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.fixture(scope="module")
def pictures(shared_folder: Path) -> dict[str, Image.Image]:
    """The real photographs, upright, at most 1280 pixels long: as the examination hashes them."""
    found = {}
    for path in sorted((shared_folder / "photos").glob("*.[jJH]*")):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        picture.thumbnail((1280, 1280))
        found[path.name] = picture
    assert len(found) >= 12
    return found


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("quality", [85, 20])
def test_an_edited_real_photograph_is_found_again(
    pictures: dict[str, Image.Image], name: str, quality: int
) -> None:
    for picture in pictures.values():
        own = hashes_of(picture)[0]
        edited = hashes_of(recompressed(EDITS[name](picture), quality))
        assert min(distance(turned, own) for turned in edited) <= LARGEST


def test_unrelated_real_photographs_are_far_apart_however_they_are_turned(
    pictures: dict[str, Image.Image],
) -> None:
    hashes = {name: hashes_of(picture) for name, picture in pictures.items()}
    for one, other in combinations(hashes, 2):
        nearest = min(distance(turned, hashes[other][0]) for turned in hashes[one])
        if {one, other} in SAME_SCENE:
            assert nearest <= LARGEST
        else:
            assert nearest >= 2 * LARGEST, (one, other)


def test_the_hash_is_that_of_imagehash(pictures: dict[str, Image.Image]) -> None:
    for picture in pictures.values():
        assert f"{hashes_of(picture)[0]:016x}" == str(imagehash.phash(picture))


def test_one_transform_gives_the_hash_of_every_turn(pictures: dict[str, Image.Image]) -> None:
    turned: dict[Turn, Edit] = {
        Turn.UPSIDE_DOWN: lambda picture: picture.rotate(180),
        Turn.QUARTER: lambda picture: picture.rotate(90, expand=True),
        Turn.THREE_QUARTERS: lambda picture: picture.rotate(270, expand=True),
        Turn.MIRRORED: ImageOps.mirror,
        Turn.MIRRORED_UPSIDE_DOWN: ImageOps.flip,
        Turn.MIRRORED_QUARTER: lambda picture: picture.transpose(Image.Transpose.TRANSPOSE),
        Turn.MIRRORED_THREE_QUARTERS: lambda picture: picture.transpose(Image.Transpose.TRANSVERSE),
    }
    for picture in pictures.values():
        hashes = hashes_of(picture)
        assert len(hashes) == len(Turn)
        for turn, edit in turned.items():
            assert distance(hashes[turn], hashes_of(edit(picture))[0]) <= 2, turn


@pytest.mark.parametrize("brightness", [0, 40, 255])
def test_a_picture_too_plain_to_be_compared_has_no_hash(brightness: int) -> None:
    plain = Image.new("RGB", (640, 480), (brightness,) * 3)
    assert hashes_of(plain) == []
    plain.putpixel((3, 3), (255 - brightness,) * 3)
    assert hashes_of(plain) == []


def test_the_examination_hashes_what_it_decodes_mislabelled_files_too(shared_folder: Path) -> None:
    landscape, turned = (
        examine((shared_folder / "photos" / name).read_bytes(), []) for name in ("landscape_1.jpg", "landscape_6.jpg")
    )  # fmt: skip
    assert distance(landscape.hashes[0], turned.hashes[0]) <= LARGEST
    mislabelled = examine((shared_folder / "photos" / "landscape_1.jpg").read_bytes(), ["image/png"])
    assert (mislabelled.flags, mislabelled.hashes) == (["mislabelled"], landscape.hashes)
    assert examine(b"%PDF-1.7", []).hashes == []


HASHES = st.integers(min_value=0, max_value=2**64 - 1)


@given(HASHES, st.sets(st.integers(min_value=0, max_value=63), max_size=FOUND_SURELY))
def test_every_hash_within_the_distance_lies_in_a_probed_slot(value: int, bits: set[int]) -> None:
    other = value
    for bit in bits:
        other ^= 1 << bit
    assert distance(value, other) == len(bits)
    assert set(slots_of(other)) & set(probes_of([value]))


def test_the_distance_that_is_looked_for_is_surely_found() -> None:
    assert LARGEST <= FOUND_SURELY


def test_slots_tell_the_bands_apart_and_probes_are_few() -> None:
    values = [random.Random(7).getrandbits(64) for _ in Turn]
    assert len(set(slots_of(0))) == 4
    assert [slot >> 16 for slot in slots_of(values[0])] == [0, 1, 2, 3]
    assert len(probes_of(values[:1])) == 4 * (1 + 16 + 120)
    assert len(probes_of(values)) <= len(Turn) * 4 * 137


@given(HASHES)
def test_a_hash_survives_the_database(value: int) -> None:
    assert -(2**63) <= as_signed(value) < 2**63
    assert as_unsigned(as_signed(value)) == value
