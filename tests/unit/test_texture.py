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
