"""The picture that a model wears."""

from __future__ import annotations

import cv2
import numpy as np

from inference.texture import encode_texture


def test_colours_and_rows_stay_in_their_order():
    colour = np.zeros((32, 48, 3), np.uint8)
    colour[:16, :24] = (200, 30, 20)  # upper left red
    colour[16:, 24:] = (10, 40, 220)  # lower right blue
    data = encode_texture(colour)
    assert data[:3] == b"\xff\xd8\xff"
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_allclose(decoded[8, 12], (200, 30, 20), atol=4)
    np.testing.assert_allclose(decoded[24, 36], (10, 40, 220), atol=4)
    np.testing.assert_allclose(decoded[24, 12], (0, 0, 0), atol=4)


def test_a_panorama_longer_than_a_jpeg_may_be():
    colour = np.zeros((64, 70_000, 3), np.uint8)
    colour[:, 35_000:] = 255
    decoded = cv2.imdecode(np.frombuffer(encode_texture(colour), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (60, 65_500, 3)
    assert decoded[30, 32_000].max() < 5 and decoded[30, 33_500].min() > 250
