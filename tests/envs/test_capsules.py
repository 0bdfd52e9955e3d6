"""Masses and inertias against the old cylinder formula, worked out by hand from the models' lengths and radii."""

import math
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest

import qdot.envs  # noqa: F401 - registers ours
from qdot.envs.capsules import use_old_capsules

ASSETS = Path(str(gymnasium.__file__)).parent / "envs" / "mujoco" / "assets"
# Total mass in kg with exact capsules and with old ones.
TOTALS = {
    "hopper": (15.820, 15.265),
    "walker2d": (23.677, 22.698),
    "ant": (0.911, 0.879),
    "half_cheetah": (14.0, 14.0),
}
# Radius and half-length of the one capsule of each body, in metres.
HOPPER = {"torso": (0.05, 0.2), "thigh": (0.05, 0.225), "leg": (0.04, 0.25), "foot": (0.06, 0.195)}
# Half-lengths of the cheetah's capsules; the radius is .046 m everywhere. The torso has two.
CHEETAH = {
    "torso": (0.5, 0.15),
    "bthigh": (0.145,),
    "bshin": (0.15,),
    "bfoot": (0.094,),
    "fthigh": (0.133,),
    "fshin": (0.106,),
    "ffoot": (0.07,),
}


def stock(name: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(ASSETS / f"{name}.xml"))


def old(name: str) -> mujoco.MjModel:
    spec = mujoco.MjSpec.from_file(str(ASSETS / f"{name}.xml"))
    use_old_capsules(spec)
    return spec.compile()


def cylinder(radius: float, half: float, density: float) -> tuple[float, float, float]:
    """Mass, moment about a diameter, moment about the axis."""
    height = 2 * half + radius
    mass = density * math.pi * radius**2 * height
    return mass, mass * (3 * radius**2 + height**2) / 12, mass * radius**2 / 2


@pytest.mark.parametrize("name", TOTALS)
def test_total_masses_before_and_after(name: str) -> None:
    found = float(stock(name).body_mass.sum()), float(old(name).body_mass.sum())
    assert found == pytest.approx(TOTALS[name], abs=5e-4)


def test_each_body_of_the_hopper_is_a_cylinder_longer_by_a_radius() -> None:
    model = old("hopper")
    for body, (radius, half) in HOPPER.items():
        mass, side, axis = cylinder(radius, half, 1000)
        assert model.body(body).mass[0] == pytest.approx(mass, rel=1e-12)
        assert sorted(model.body(body).inertia) == pytest.approx([axis, side, side], rel=1e-9)
    assert model.body("torso").mass[0] == pytest.approx(3.5342917, abs=1e-6)  # 1000 pi .05^2 .45


def test_the_cheetahs_fourteen_kilograms_are_shared_by_the_cylinders_lengths() -> None:
    model = old("half_cheetah")
    heights = {body: sum(2 * half + 0.046 for half in halves) for body, halves in CHEETAH.items()}
    for body, height in heights.items():
        assert model.body(body).mass[0] == pytest.approx(14 * height / sum(heights.values()), rel=1e-9)
    assert stock("half_cheetah").body("torso").mass[0] != pytest.approx(model.body("torso").mass[0], rel=1e-3)


def test_two_capsules_of_one_body_are_combined_about_their_common_centre() -> None:
    model = old("half_cheetah")
    scale = 14 / sum(cylinder(0.046, half, 1000)[0] for halves in CHEETAH.values() for half in halves)
    (long, long_side, _), (head, head_side, _) = (
        tuple(scale * value for value in cylinder(0.046, half, 1000)) for half in CHEETAH["torso"]
    )
    x, z = (head * place / (long + head) for place in (0.6, 0.1))  # the long one lies at the origin
    apart = 0.6**2 + 0.1**2
    pitch = long_side + head_side + long * head / (long + head) * apart  # reduced mass times distance squared
    assert model.body("torso").ipos == pytest.approx([x, 0, z], abs=1e-12)
    turned = np.empty(9)
    mujoco.mju_quat2Mat(turned, model.body("torso").iquat)
    axes = turned.reshape(3, 3)
    assert (axes @ np.diag(model.body("torso").inertia) @ axes.T)[1, 1] == pytest.approx(pitch, rel=1e-9)


def test_the_ants_sphere_is_weighed_exactly() -> None:
    before, after = stock("ant"), old("ant")
    assert after.body("torso").mass[0] == pytest.approx(5 * 4 / 3 * math.pi * 0.25**3, rel=1e-12)
    assert after.body("torso").inertia == pytest.approx(before.body("torso").inertia, rel=1e-12)
    mass, side, axis = cylinder(0.08, math.hypot(0.2, 0.2) / 2, 5)
    assert after.body("aux_1").mass[0] == pytest.approx(mass, rel=1e-9)
    assert sorted(after.body("aux_1").inertia) == pytest.approx([axis, side, side], rel=1e-9)


def test_what_follows_from_the_masses_is_what_mujoco_makes_of_them() -> None:
    """The same numbers written into the compiled model, its constants then set anew."""
    model, patched = old("hopper"), stock("hopper")
    for body, (radius, half) in HOPPER.items():
        mass, side, axis = cylinder(radius, half, 1000)
        patched.body(body).mass = mass
        patched.body(body).inertia = np.where(
            np.isclose(patched.body(body).inertia, patched.body(body).inertia.min()), axis, side
        )
    mujoco.mj_setConst(patched, mujoco.MjData(patched))
    for name in ("body_subtreemass", "body_invweight0", "dof_M0", "dof_invweight0"):
        assert getattr(model, name) == pytest.approx(getattr(patched, name), rel=1e-9)
    for name in (
        "geom_friction",
        "geom_margin",
        "geom_solref",
        "geom_pos",
        "actuator_gear",
        "jnt_range",
        "dof_damping",
    ):
        assert np.array_equal(getattr(model, name), getattr(stock("hopper"), name)), name


@pytest.mark.parametrize(
    ("geom", "reason"),
    [("type='box' size='.1 .1 .1'", "expected a capsule or a sphere"), ("size='.1' mass='3'", "expected a density")],
)
def test_a_geom_whose_old_mass_is_unknown_is_refused(geom: str, reason: str) -> None:
    text = f"<mujoco><worldbody><body><freejoint/><geom name='odd' {geom}/></body></worldbody></mujoco>"
    with pytest.raises(ValueError, match=f"'odd': .*{reason}"):
        use_old_capsules(mujoco.MjSpec.from_string(text))
