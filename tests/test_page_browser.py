"""The HTML page in a browser: stepping by keyboard, slider and mouse, the numbers on the way, no requests, phones, dark mode, long runs."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.invoke import invoke

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver on PATH")

NEWTON = "samples/newton_sqrt.adl"
LONG = "input x = 0.2\nfor i in 0..3333 { x = 3*x*(1 - x) }\noutput x"
KEYS = {
    "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "PageUp": "\ue00e", "PageDown": "\ue00f", "Home": "\ue011", "End": "\ue010",
    "Tab": "\ue004",
}  # fmt: skip
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900", "--disable-background-networking"):
        options.add_argument(word)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    made.set_page_load_timeout(120)
    made.set_script_timeout(120)
    yield made
    made.quit()


@pytest.fixture
def show(driver: Any, tmp_path: pathlib.Path) -> Iterator[Open]:
    """Opens the page that a command writes; at the end nothing may have been logged, and nothing but the page asked for."""
    target = tmp_path / "page.html"

    def opened(*words: str, step: int | None = None) -> Any:
        done = invoke([*words, "-o", str(target)])
        assert done.code == 0, done.err
        driver.get("about:blank")
        driver.get_log("performance")
        driver.get(target.as_uri() + ("" if step is None else f"#step={step}"))
        return driver

    yield opened
    assert driver.get_log("browser") == []
    asked = [url for url in requests(driver) if not url.startswith(target.as_uri())]
    assert asked == []
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def requests(driver: Any) -> list[str]:
    found = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [m["params"]["request"]["url"] for m in found if m["method"] == "Network.requestWillBeSent"]


def press(driver: Any, *names: str) -> None:
    for name in names:
        driver.switch_to.active_element.send_keys(KEYS.get(name, name))


def text(driver: Any, query: str) -> str:
    return str(driver.execute_script("return document.querySelector(arguments[0]).textContent", query))


def at(driver: Any) -> str:
    return str(driver.execute_script("return document.querySelector('#trace .now').id"))


def slide(driver: Any, to: int) -> None:
    """What a browser does where the slider is moved."""
    driver.execute_async_script(
        "const [to, done] = arguments, s = document.getElementById('slider'); s.value = to;"
        "s.dispatchEvent(new Event('input')); requestAnimationFrame(() => requestAnimationFrame(done))",
        to,
    )


def gradient(*words: str) -> dict[str, Any]:
    return dict(json.loads(invoke(["grad", *words, "--json"]).out)["gradient"])


def test_keys_step_forward_and_back_through_both_sweeps(show: Open) -> None:
    driver = show("trace", NEWTON)
    last = int(driver.execute_script("return document.getElementById('slider').max"))
    assert at(driver) == "s1" and "primal 1 of 34" in text(driver, "#status")
    press(driver, "ArrowRight", "ArrowRight")
    assert at(driver) == "s3" and "v₂ = v₁ - v₀" in text(driver, "#step")
    press(driver, "PageDown", "PageUp", "ArrowLeft")
    assert at(driver) == "s2"
    press(driver, "End")
    assert at(driver) == f"s{last}" and "adjoint 24 of 24" in text(driver, "#status")
    press(driver, "ArrowRight")
    assert at(driver) == f"s{last}"
    press(driver, "Home")
    assert at(driver) == "s1" and text(driver, "#b0") == "·"


def test_the_sweep_ends_with_the_gradient(show: Open) -> None:
    for words in ([NEWTON], ["x1*x2+sin(x1)", "--at", "x1=2,x2=5"], ["samples/survey.adl"]):
        driver = show("trace", *words, "--digits", "17")
        press(driver, "End")
        for k, value in enumerate(gradient(*words).values()):
            assert float(text(driver, f"#b{k}")) == pytest.approx(value, rel=1e-9)


def test_adjoints_are_those_of_the_step(show: Open) -> None:
    """Forward and back again, by keys and in one leap, the adjoints are the running ones of the trace."""
    words = ["x1*x2+sin(x1)", "--at", "x1=2,x2=5"]
    steps = json.loads(invoke(["trace", *words, "--json"]).out)["adjoints"]
    driver = show("trace", *words, "--digits", "17")

    def cells() -> list[str]:
        return list(driver.execute_script("return Array.from(document.querySelectorAll('.running output'), (e) => e.textContent)"))

    wanted = []
    running: dict[int, float] = {}
    for a in steps:
        running[a["v"]] = a["running"]
        wanted.append([running.get(v) for v in range(-1, 4)])
    slide(driver, 5)
    for state in wanted:
        press(driver, "ArrowRight")
        assert [None if c == "·" else float(c) for c in cells()] == state
    for state in reversed(wanted[:-1]):
        press(driver, "ArrowLeft")
        assert [None if c == "·" else float(c) for c in cells()] == state
    slide(driver, 11)
    slide(driver, 7)
    assert [None if c == "·" else float(c) for c in cells()] == wanted[1]


def test_a_step_is_marked_in_program_and_graph(show: Open) -> None:
    driver = show("graph", "x1*x2+sin(x1)", "--at", "x1=2,x2=5", step=9)
    assert text(driver, "#program .here .now") == "sin(x1)"
    marked = driver.execute_script("return Array.from(document.querySelectorAll('#graph .now'), (e) => e.dataset.node ?? e.dataset.to)")
    assert sorted(marked) == ["0", "n2"]
    assert "v̄₋₁ = -0.416" in text(driver, "#graph .node.now")
    assert "-0.4161468365471424" in text(driver, "#step") and "x1" in text(driver, "#step .words")
    driver.execute_script(
        "document.querySelector('#graph [data-node=\"2\"] .shape').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert at(driver) == "s3"


def test_tangents_run_beside_their_rows(show: Open) -> None:
    driver = show("trace", "samples/survey.adl", "--mode", "forward", step=21)
    last = float(text(driver, "#trace .now .v").removeprefix("= "))
    assert last == pytest.approx(gradient("samples/survey.adl")["x2"], abs=1e-3)
    press(driver, "Home", "ArrowRight")
    assert driver.execute_script("return document.querySelector('#trace .now').className").startswith("tangent")


def test_folds_open_for_the_step_and_close_behind_it(show: Open) -> None:
    driver = show("trace", NEWTON)
    shut = "return Array.from(document.querySelectorAll('#trace details.iteration'), (e) => e.open)"
    assert not any(driver.execute_script(shut))
    press(driver, "ArrowRight")
    assert driver.execute_script(shut) == [True, *[False] * 5]
    press(driver, "PageDown")
    assert driver.execute_script(shut) == [False, True, *[False] * 4]
    press(driver, "Home")
    assert not any(driver.execute_script(shut))


def test_space_plays_and_the_theme_can_be_chosen(show: Open) -> None:
    driver = show("trace", NEWTON)
    press(driver, " ")
    assert driver.execute_script("return document.getElementById('play').ariaPressed") == "true"
    press(driver, " ")
    assert driver.execute_script("return document.getElementById('play').ariaPressed") == "false"
    driver.execute_script("document.getElementById('theme').click()")
    assert luminance(driver) < 0.2 and text(driver, "#theme") == "Theme: dark"


def luminance(driver: Any) -> float:
    """How bright the page's background is, from 0 to 1."""
    numbers = driver.execute_script("return getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number)")
    return float(sum(numbers[:3]) / 765)


def test_the_system_decides_between_dark_and_light(show: Open) -> None:
    for scheme in ("dark", "light"):
        driver = show("trace", NEWTON)
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        assert (luminance(driver) < 0.5) == (scheme == "dark")
        for key in ("Home", "PageDown", "End"):
            press(driver, key)
            assert contrast(driver) == []


def contrast(driver: Any) -> list[str]:
    """Texts whose contrast with what is behind them is below 4.5, the bound of WCAG 2 for small text."""
    return list(
        driver.execute_script(
            """
            const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
            const rgb = (text, under) => { c.fillStyle = under; c.fillRect(0, 0, 1, 1); c.fillStyle = text; c.fillRect(0, 0, 1, 1);
              return [...c.getImageData(0, 0, 1, 1).data.slice(0, 3)]; };
            const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;
            const light = (v) => v.map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
              .reduce((sum, x, k) => sum + x * [0.2126, 0.7152, 0.0722][k], 0);
            const behind = (e) => { if (!e) return [255, 255, 255];
              const own = getComputedStyle(e).backgroundColor; return rgb(own, css(behind(e.parentElement))); };
            const bad = [];
            const texts = 'h1, h2, small, dt, dd, #status, #keys, .line, .line *, #step *, #trace .row *, summary *';
            for (const e of document.querySelectorAll(texts)) {
              if (!e.textContent.trim() || !e.getClientRects().length) continue;
              const under = behind(e), [a, b] = [light(rgb(getComputedStyle(e).color, css(under))), light(under)].sort((x, y) => y - x);
              if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${e.className || e.tagName}: ${e.textContent.slice(0, 30)}`);
            }
            return bad;
            """
        )
    )


@pytest.mark.parametrize("command", ["trace", "graph", "explain"])
def test_a_phone_needs_no_scrolling_sideways(show: Open, command: str) -> None:
    driver = show(command, NEWTON)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True})
    for key in ("Home", "PageDown", "End"):
        press(driver, key)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    below = (
        "const [a, b] = ['inspector', 'program'].map((n) => document.getElementById(n).getBoundingClientRect()); return a.bottom <= b.top"
    )
    assert driver.execute_script(below)
    widths = "return ['inspector', 'program', 'graph', 'trace'].map((n) => document.getElementById(n).getBoundingClientRect().width)"
    assert all(width > 350 for width in driver.execute_script(widths))  # each as wide as the phone


def test_panels_stand_side_by_side_on_a_desk(show: Open) -> None:
    driver = show("trace", NEWTON)
    places = driver.execute_script(
        "return ['program', 'graph', 'trace'].map((n) => document.getElementById(n).getBoundingClientRect().left)"
    )
    assert places == sorted(places) and len(set(places)) == 3
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_controls_have_names_and_take_the_focus(show: Open) -> None:
    driver = show("trace", NEWTON)
    unnamed = "return Array.from(document.querySelectorAll('button, input, nav, section, [role=region]')).filter((e) =>"
    unnamed += " !(e.ariaLabel || e.getAttribute('aria-labelledby') || e.textContent.trim())).length"
    assert driver.execute_script(unnamed) == 0
    assert driver.execute_script("return document.getElementById('status').ariaLive") == "polite"
    seen = set()
    for _ in range(9):
        press(driver, "Tab")
        seen.add(driver.switch_to.active_element.get_attribute("id") or driver.switch_to.active_element.tag_name)
    assert {"theme", "play", "next", "last", "slider"} <= seen


def test_without_scripts_all_is_there(driver: Any, show: Open) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show("trace", NEWTON)
        found = driver.execute_cdp_cmd("DOMSnapshot.captureSnapshot", {"computedStyles": ["display"]})
        shown = " ".join(found["strings"])
        for part in ("while abs(y*y - x)", "v̄₂₂", "iteration", "∂y/∂x", "0.35355339059327373"):
            assert part in shown
        assert "Step 1 of" not in shown
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_ten_thousand_rows(show: Open) -> None:
    driver = show("trace", LONG)
    press(driver, "ArrowRight", "ArrowRight")
    assert at(driver) == "s3"
    press(driver, "End")
    assert float(text(driver, "#step .account dd:last-of-type")) == gradient(LONG)["x"]
    slide(driver, 12_000)
    press(driver, "ArrowLeft")
    assert at(driver) == "s11999"
    press(driver, "Home")
    assert text(driver, "#b0") == "·"


def test_statements_whose_rows_are_left_out_say_where_they_are(show: Open) -> None:
    driver = show("trace", NEWTON, "--only", "y", step=9)
    pieces = driver.execute_script("return Array.from(document.querySelectorAll('#program .now'), (e) => e.textContent).join('')")
    assert "line 9, iteration 3" in text(driver, "#step .where") and pieces == "y + x/y"
    assert text(driver, "#step .account dd") == "5.638545186315014e-13"


def test_what_is_left_out_is_one_step(show: Open) -> None:
    driver = show("trace", LONG, "--rows", "20")
    press(driver, "End")
    end = float(text(driver, "#step .account dd:last-of-type"))
    assert end == gradient(LONG)["x"]
    assert text(driver, "#b0") != "·"
