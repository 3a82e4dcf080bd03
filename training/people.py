"""Random persons in random poses."""

from __future__ import annotations

import cv2
import numpy as np

from training.body_model import BodyModel, Rotations, rotation, unit
from training.height_maps import pick
from training.procedural import Points, Rng

STANDING = (
    "stand_arms_down",
    "stand_anjali",
    "tribhanga",
    "stand_flywhisk",
    "stand_offer",
    "stand_umbrella",
    "walk",
    "point_talk",
    "carry_pole",
)
STRIDING = {
    "archer",
    "dance",
    "dance_kick",
    "fight01",
    "fight02",
    "fight03",
    "fight04",
    "run01",
    "standing01",
    "kneel_one",
}
SEATED = {
    "padmasana_dhyana",
    "padmasana_anjali",
    "padmasana_teach",
    "bhumisparsa",
    "lalitasana",
    "rajalila",
    "seiza",
    "seiza_anjali",
    "kneel_one",
    "kneel_offer",
    "squat",
    "chair_sit",
    "sit01",
}
SEATED_SHARE, COMPOSITE_SHARE = 0.4, 0.2
"""Of the poses sit or kneel, as rows of Borobudur's figures do; and of the standing ones are composite, as Assyrian and
Egyptian figures are: head and legs in profile, the chest to the viewer."""
FLOATING = {"flying_vidyadhara", "fly01", "fly02", "gym01"}


def random_morph(model: BodyModel, rng: Rng) -> tuple[dict[str, float], bool]:
    """Amounts of targets for a random person, faces somewhat exaggerated; and whether it is a woman."""
    woman = bool(rng.random() < 0.4)
    sex = "female" if woman else "male"
    age = str(rng.choice(["young", "young", "young", "young", "old", "child"], p=[0.2, 0.2, 0.2, 0.22, 0.1, 0.08]))
    amounts: dict[str, float] = {}
    share = rng.dirichlet([0.9, 0.9, 0.9])
    for race, part in zip(("asian", "african", "caucasian"), share, strict=True):
        amounts[f"macrodetails/{race}-{sex}-{age}"] = float(part)
    muscle = rng.choice(["averagemuscle", "maxmuscle", "minmuscle"])
    weight = rng.choice(["averageweight", "averageweight", "maxweight", "minweight"])
    amounts[f"macrodetails/universal-{sex}-{age}-{muscle}-{weight}"] = rng.uniform(0.3, 1.0)
    if woman:
        cup = f"breast/female-{age}-averagemuscle-averageweight-maxcup-averagefirmness"
        amounts[cup] = rng.uniform(0.2, 0.9)
    for group, count, most in (
        ("nose", 3, 1.0),
        ("mouth", 3, 0.9),
        ("chin", 2, 0.7),
        ("cheek", 1, 0.8),
        ("head", 2, 0.6),
        ("torso", 1, 0.5),
        ("hip", 1, 0.5),
        ("stomach", 1, 0.6),
    ):
        for name in rng.choice(model.target_groups[group], count, replace=False):
            if "trans" not in name:
                amounts[str(name)] = rng.uniform(0.1, most)
    strong = rng.uniform(0.0, 1.0)
    for name in (
        "eyes/{}-eye-scale-incr",
        "ears/{}-ear-lobe-incr",
        "ears/{}-ear-scale-incr",
        "eyes/{}-eye-bag-incr",
        "eyes/{}-eye-push1-out",
    ):
        amount = strong * rng.uniform(0.0, 1.0)
        for side in "lr":
            amounts[name.format(side)] = amount
    for name in (
        "nose/nose-volume-incr",
        "nose/nose-width3-incr",
        "mouth/mouth-upperlip-volume-incr",
        "mouth/mouth-lowerlip-volume-incr",
        "mouth/mouth-scale-horiz-incr",
        "nose/nose-scale-depth-incr",
    ):
        amounts[name] = strong * rng.uniform(0.0, 1.0)
    full = rng.uniform(0.4, 1.0)
    if rng.random() < 0.4:  # broad and full, as most of Borobudur's faces are
        for name in ("l-cheek-volume-incr", "r-cheek-volume-incr"):
            amounts[f"cheek/{name}"] = full
        for name in ("head-fat-incr", "head-round", "head-scale-horiz-incr"):
            amounts[f"head/{name}"] = full * rng.uniform(0.3, 0.9)
    return amounts, woman


def stands(name: str) -> bool:
    """Whether a pose stands with its feet together or walks."""
    return name in STANDING or name.startswith("standing")


def random_pose(model: BodyModel, joints: Points, rng: Rng, holdout: bool) -> tuple[Rotations, str, float]:
    """A recorded or written pose, limbs exchanged between poses and shaken at random.

    Returns:
        its rotations, its name, and how far a composite one's head is turned against its chest in degrees, else 0.
    """
    seated = bool(rng.random() < SEATED_SHARE)
    names = [n for n in (*model.directed, *model.recorded, *STANDING) if (n in SEATED) == seated]
    name = pick(rng, names, holdout)
    turned = 0.0
    if stands(name) and rng.random() < COMPOSITE_SHARE:
        turned = float(rng.choice([-1.0, 1.0]) * rng.uniform(60, 85))
    if name in model.recorded:
        rotations = model.recorded[name].copy()
        shake = rng.normal(0, 5, (len(model.bones), 3))
        for bone in (
            "spine03",
            "neck01",
            "head",
            "upperarm01.L",
            "upperarm01.R",
            "lowerarm01.L",
            "lowerarm01.R",
            "upperleg01.L",
            "upperleg01.R",
        ):
            i = model.bone[bone]
            rotations[i] = rotations[i] @ rotation(*shake[i])
    else:
        spec = {key: list(value) for key, value in model.directed[name].items()}
        if rng.random() < 0.5:
            other = model.directed[pick(rng, list(model.directed), holdout)]
            for key in ("armL", "armR", "head"):
                spec.pop(key, None)
                if key in other:
                    spec[key] = list(other[key])
        if turned:
            spec |= {key: list(model.directed["walk"][key]) for key in ("legL", "legR")}
        loose = rng.uniform(0.02, 0.16)
        for key, value in spec.items():
            if key[:3] in ("arm", "leg"):
                if key[:3] == "leg" and name not in STANDING:
                    loose = min(loose, 0.06)
                spec[key] = [unit(unit(v) + rng.normal(0, loose, 3)).tolist() for v in value]
        spec["head"] = (np.array(spec.get("head", (0, 0, 0))) + rng.normal(0, [9, 16, 8])).tolist()
        spec["spine"] = (np.array(spec.get("spine", (0, 0, 0))) + rng.normal(0, 4, 3)).tolist()
        rotations = model.rotations(spec, joints)
    if turned:  # the hips with the head, and the chest back
        hips = turned * rng.uniform(0.6, 1.0)
        rotations[model.bone["root"]] = rotation(y=hips) @ rotations[model.bone["root"]]
        for bone in ("spine04", "spine03", "spine02", "spine01"):
            rotations[model.bone[bone]] = rotations[model.bone[bone]] @ rotation(y=-hips / 4)
        nod = rng.normal(0, 8)
        for bone in ("neck01", "neck02", "head"):
            rotations[model.bone[bone]] = rotation(x=nod / 3, y=turned / 3)
    rotations[model.bone["head"]] *= rng.uniform(1.0, 1.28)  # carvers make heads and hands large
    hands = rng.uniform(0.95, 1.2)
    for side in "LR":
        wrist = model.bone["wrist." + side]
        rotations[wrist] *= hands
        curl = rng.choice([0.0, rng.uniform(0, 30), rng.uniform(40, 80)])
        across = unit(joints[model.bone["finger5-1." + side]] - joints[model.bone["finger2-1." + side]])
        ahead = unit(joints[model.bone["finger3-2." + side]] - joints[model.bone["finger3-1." + side]])
        thumb = joints[model.bone["finger1-3." + side]] - joints[wrist]
        sign = 1.0 if np.cross(across, ahead) @ thumb > 0 else -1.0
        turn, _ = cv2.Rodrigues(across * sign * np.radians(curl))
        for finger in range(2, 6):
            for part in range(1, 4):
                i = model.bone[f"finger{finger}-{part}.{side}"]
                rotations[i] = rotations[i] @ turn
    return rotations, name, turned
