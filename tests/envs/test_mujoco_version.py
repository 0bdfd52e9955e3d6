"""The simulator is one that D4RL's dynamics hold in: newer versions changed contacts."""

import mujoco
import pytest

SPHERE_ON_PLANE = """
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1" margin=".01"/>
    <body pos="0 0 .1"><freejoint/><geom type="sphere" size=".1" margin=".01"/></body>
  </worldbody>
</mujoco>
"""


def test_contact_margins_of_two_geoms_are_not_summed() -> None:
    model = mujoco.MjModel.from_xml_string(SPHERE_ON_PLANE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    assert data.ncon == 1
    found = data.contact[0].includemargin
    assert found == pytest.approx(0.01, abs=1e-12), f"mujoco {mujoco.__version__} adds margins up; D4RL needs 3.3.7"
