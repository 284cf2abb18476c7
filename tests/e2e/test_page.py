"""The page in a real browser."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.builders import NOW
from tests.unit.web.kept import ROCKET, KeptViews, StandingClock, app_over, busy_morning, healthy
from tide.web.status import DaemonStatus, Outage, Role, RoleKind, System

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Without these Chromium looks for Google's hosts at every start.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TROUBLE = healthy(
    role=Role(RoleKind.DRY_RUN),
    outages=tuple(Outage(system, "HTTP 502", NOW) for system in System),
    config_problems=("jobs.yaml:3: bad",),
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
]


@dataclass(frozen=True)
class Site:
    """A page that is served, the values behind it, and its clock."""

    url: str
    views: KeptViews
    clock: StandingClock


@contextmanager
def served(views: KeptViews, status: DaemonStatus | Callable[[], DaemonStatus] | None = None) -> Iterator[Site]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who comes before the server waits for it
    clock = StandingClock()
    server = uvicorn.Server(uvicorn.Config(app_over(views, status, clock=clock), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", views, clock)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with served(busy_morning()) as site:
        yield site


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may be complained of: no script error, no refused resource, no breach of the policy."""
    complaints: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


def test_the_page_shows_every_pool_with_what_it_does_and_why(site: Site, page: Page) -> None:
    page.goto(site.url)
    rocket = page.get_by_role("article").filter(has_text="Batch of 4 under test")
    expect(rocket.get_by_role("heading", level=2)).to_have_text("acme/rocket main")
    expect(rocket).to_contain_text("A batch of four is being tested on this base")
    expect(rocket.get_by_role("listitem").filter(has_text="Split the launch checklist")).to_contain_text("integration")
    expect(page.get_by_role("article").filter(has_text="release/1.4")).to_contain_text("Frozen")
    expect(page.get_by_role("row").filter(has_text="Not merged")).to_contain_text("Base branch was modified")


def test_a_change_appears_by_itself_and_disturbs_nobody(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.evaluate("window.sameDocument = true")
    page.get_by_text("5 outside the pool").click()
    page.get_by_role("link", name="Rename Stage to Segment").focus()
    page.mouse.wheel(0, 300)
    page.wait_for_function("window.scrollY > 0")
    scrolled = page.evaluate("window.scrollY")
    change(site.views, reason="The batch passed: merge it.")
    expect(page.get_by_text("The batch passed: merge it.")).to_be_visible(timeout=15_000)
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("window.scrollY") == scrolled
    expect(page.get_by_role("link", name="Rename Stage to Segment")).to_be_focused()


def test_a_pull_request_that_leaves_its_lane_leaves_the_page(site: Site, page: Page) -> None:
    page.goto(site.url)
    line = page.locator("#pull-acme-rocket-409")
    expect(line).to_contain_text("Cache star catalogue lookups")
    change(site.views, passing=())
    page.get_by_role("link", name="Refresh").click()
    expect(line).to_have_count(0)
    expect(page.locator("#pull-acme-rocket-425")).to_be_visible()


def test_updates_can_be_paused(site: Site, page: Page) -> None:
    page.goto(site.url)
    pause = page.get_by_role("button", name="Pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    change(site.views, reason="Something new.")
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text("Something new.")).to_be_visible()
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(pause).to_be_visible()


def test_a_tide_that_does_not_answer_is_told_and_forgotten_when_it_does(site: Site, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site.url)
        page.route("**/*", lambda route: route.abort())
        page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_role("status")).to_contain_text("tide does not answer. This page is as of")
        expect(page.get_by_text("Batch of 4 under test")).to_be_visible()
        page.unroute_all()
        page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_role("status")).to_be_hidden()


def test_a_tide_that_hangs_is_told_and_nothing_beside_it_claims_to_be_fresh(site: Site, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site.url)
        expect(page.get_by_text("Synced 12 s ago")).to_be_visible()
        page.route("**/*", lambda _route: None)
        page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_role("status")).to_contain_text("tide does not answer.", timeout=20_000)
        expect(page.get_by_text("Synced 2026-01-02 03:03:53 UTC")).to_be_visible()
        expect(page.locator("main time", has_text="ago")).to_have_count(0)
        expect(page.locator("main time", has_text="just now")).to_have_count(0)


class Moods:
    """The status of a daemon, which may change while it is looked at."""

    def __init__(self) -> None:
        self.outages: tuple[Outage, ...] = ()

    def now(self) -> DaemonStatus:
        return healthy(outages=self.outages)


def test_typed_text_and_focus_survive_banners_that_come_and_go(page: Page) -> None:
    moods = Moods()
    with served(busy_morning(), moods.now) as site:
        page.goto(f"{site.url}/history")
        author = page.get_by_role("textbox", name="Author", exact=True)
        author.fill("eri")
        page.get_by_label("Action").select_option("MERGE")
        author.focus()
        notices = page.get_by_role("region", name="Notice")
        for outages in (
            tuple(Outage(system, "502", NOW) for system in System),
            (Outage(System.GITHUB, "502", NOW),),
            (),
        ):
            moods.outages = outages
            expect(notices).to_have_count(len(outages), timeout=15_000)
            expect(author).to_be_focused()
            expect(author).to_have_value("eri")
            expect(page.get_by_label("Action")).to_have_value("MERGE")
        page.keyboard.type("n")
        expect(author).to_have_value("erin")


def test_a_new_row_takes_the_focus_from_no_other(site: Site, page: Page) -> None:
    site.views.records[:] = [replace(record, id=number) for number, record in enumerate(site.views.records, 1)]
    page.goto(f"{site.url}/history")
    link = page.get_by_role("link", name="#425")
    link.focus()
    merged = replace(site.views.records[0], id=99, time=NOW, reason="Brand new.")
    site.views.records.append(merged)
    expect(page.get_by_text("Brand new.")).to_be_visible(timeout=15_000)
    expect(link).to_be_focused()


def test_a_start_is_called_one_and_becomes_the_page_by_itself(browser: Browser) -> None:
    views = KeptViews(is_searched=False)
    with served(views) as site, browser.new_context() as context:
        page = context.new_page()
        page.goto(site.url)
        expect(page.get_by_role("heading", name="Starting")).to_be_visible()
        expect(page).to_have_title("Starting · tide")
        expect(page.get_by_text("Back to the pools")).to_have_count(0)
        views.is_searched = True
        expect(page.get_by_role("heading", name="Pools", exact=True)).to_be_visible(timeout=15_000)
        expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_wrong_filter_leaves_the_form_as_it_was(site: Site, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.url}/history?repo=acme&author=erin&state=failure")
        expect(page.get_by_role("alert")).to_have_text("repo is not of the form org/repo.")
        expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("acme")
        expect(page.get_by_role("textbox", name="Author", exact=True)).to_have_value("erin")
        expect(page.get_by_label("State")).to_have_value("failure")
        page.get_by_role("textbox", name="Repository", exact=True).fill("acme/rocket")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.get_by_role("textbox", name="Repository", exact=True)).to_have_value("acme/rocket")


def test_on_paper_there_is_what_is_known_and_nothing_to_click(site: Site, browser: Browser) -> None:
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.goto(site.url)
        page.emulate_media(media="print", color_scheme="dark")
        expect(page.get_by_role("searchbox")).to_be_hidden()
        expect(page.get_by_role("link", name="Refresh")).to_be_hidden()
        expect(page.get_by_text("Rename Stage to Segment")).to_be_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [360, 1280])
def test_whatever_can_be_hit_is_large_enough(site: Site, browser: Browser, width: int) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        for path in PATHS:
            page.goto(site.url + path)
            page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
            assert page.evaluate(SMALL_TARGETS) == [], path


def test_an_outage_is_told_with_what_it_means(page: Page) -> None:
    lost = Outage(System.GITHUB, "POST /graphql: HTTP 502", NOW - timedelta(minutes=3))
    with served(busy_morning(), healthy(outages=(lost,))) as site:
        page.goto(site.url)
        banner = page.get_by_role("region", name="Notice").filter(has_text="GitHub does not answer")
        expect(banner).to_contain_text("Since 3 min ago.")
        expect(banner).to_contain_text("tide then goes on by itself")
        expect(page.get_by_text("Out of sync since 3 min ago")).to_be_visible()
        expect(page.get_by_text("Synced")).to_have_count(0)
        expect(banner.get_by_text("POST /graphql: HTTP 502")).to_be_visible()


def test_a_lost_database_leaves_the_last_known_state_with_its_age(site: Site, page: Page) -> None:
    page.goto(site.url)
    site.views.is_broken, site.clock.moment = True, NOW + timedelta(minutes=4)
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text("What follows is as of 03:04:05 UTC, 4 min ago.")).to_be_visible()
    expect(page.get_by_text("Batch of 4 under test")).to_be_visible()
    page.get_by_role("link", name="acme/rocket main").first.click()
    expect(page.get_by_text("What follows is as of 03:04:05 UTC, 4 min ago.")).to_be_visible()
    site.views.is_broken = False
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text("What follows is as of")).to_have_count(0)


def test_a_page_of_which_nothing_is_kept_says_why_and_stays_as_it_was(site: Site, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.url}/decisions")
        site.views.is_broken = True
        page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_role("status")).to_contain_text("The database does not answer. This page is as of")
        expect(page.get_by_text("No pull request is ready.")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Service Unavailable")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Try again in a moment")
        site.views.is_broken = False
        page.get_by_role("link", name="Try again").click()
        expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_standby_says_who_leads(page: Page) -> None:
    role = Role(RoleKind.STANDBY, "tide-7d9f-x2x", NOW - timedelta(hours=3))
    with served(busy_morning(), healthy(role=role, last_syncs={})) as site:
        page.goto(site.url)
        banner = page.get_by_role("region", name="Notice").filter(has_text="This replica stands by.")
        expect(banner).to_contain_text("tide-7d9f-x2x leads.")
        expect(banner).to_contain_text("Since 3 h ago.")
        expect(page.get_by_text("Synced just now")).to_be_visible()


def test_everything_works_without_scripts(site: Site, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.url)
        expect(page.get_by_text("Batch of 4 under test")).to_be_visible()
        expect(page.get_by_text("Pause")).to_be_hidden()
        change(site.views, reason="Read again.")
        page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_text("Read again.")).to_be_visible()
        page.get_by_role("searchbox").fill("methane")
        page.get_by_role("searchbox").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("methane")
        expect(page.get_by_text("It has the label do-not-merge/hold.")).to_be_visible()


def test_a_reader_gets_from_the_page_to_the_answer(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_role("searchbox").fill("acme/rocket#399")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Experimental: methane engines")
    expect(page.get_by_role("heading", name="Blocked")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Not met: Required contexts pass")).to_be_visible()
    expect(page.get_by_role("link", name="acme/rocket#399 on GitHub")).to_have_attribute(
        "href", "https://github.com/acme/rocket/pull/399"
    )
    page.get_by_role("link", name="acme/rocket main").click()
    expect(page.get_by_role("heading", name="Last batches")).to_be_visible()


def test_the_keyboard_reaches_the_content_first(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


PATHS = ["/", "/?q=alice", "/pool/acme/rocket/main", "/pull/acme/rocket/399", "/history", "/decisions"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(browser: Browser, scheme: Literal["light", "dark"]) -> None:
    with served(busy_morning(), TROUBLE) as site, browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        for site.views.is_broken in (False, True):
            for path in PATHS:
                page.goto(site.url + path)
                page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
                assert page.evaluate(FAULTS) == [], path


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_is_wider_than_the_screen(site: Site, browser: Browser, width: int) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        for path in PATHS:
            page.goto(site.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def change(views: KeptViews, **fields: object) -> None:
    """Let the next sync find something else in `acme/rocket:main`."""
    views.pool_views[:] = [
        replace(view, **fields) if view.pool == ROCKET else view  # type: ignore[arg-type] # named by tests
        for view in views.pool_views
    ]


# What WCAG 2.2 AA asks for, as far as the document can tell: names, landmarks, headings in order, contrast of 4.5 to 1.
FAULTS = """() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const check = (holds, fault) => { if (!holds) faults.push(fault); };
  const nameOf = (it) => (it.getAttribute("aria-label") || it.textContent || it.title || "").trim();

  check(document.documentElement.lang === "en", "no language");
  check(document.title.length > 7, "no title");
  for (const landmark of ["header.top", "nav", "main", "footer", "[role=search]"]) {
    check(document.querySelector(landmark), `no ${landmark}`);
  }
  check(all("main h1").length === 1, "not one h1");
  let last = 1;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const level = Number(heading.tagName[1]);
    check(level <= last + 1, `h${level} after h${last}: ${heading.textContent}`);
    last = level;
  }
  const ids = all("[id]").map((it) => it.id);
  check(new Set(ids).size === ids.length, `ids twice: ${ids.filter((id, i) => ids.indexOf(id) !== i)}`);
  for (const input of all("input")) check(input.labels.length || input.ariaLabel, `no label: ${input.name}`);
  for (const link of all("a, button, summary")) check(nameOf(link), `no name: ${link.outerHTML}`);
  for (const image of all("img")) check(image.hasAttribute("alt"), `no alt: ${image.src}`);
  for (const cell of all("th")) check(cell.scope, `no scope: ${cell.textContent}`);
  for (const time of all("time")) check(time.dateTime && time.title, `no moment: ${time.outerHTML}`);
  for (const list of all("ul, ol")) {
    check([...list.children].every((it) => it.tagName === "LI"), `not only items: ${list.outerHTML}`);
  }

  const numbers = (color) => (color.match(/[0-9.]+/g) || [0, 0, 0, 0]).map(Number);
  const ground = (it) => {
    for (; it; it = it.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(it).backgroundColor);
      if (alpha === 1) return [r, g, b];
      check(alpha === 0, `a translucent ground: ${it.className}`);
    }
    return [255, 255, 255];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const it = text.parentElement;
    if (!text.data.trim() || !it.checkVisibility()) continue;
    seen += 1;
    const ratio = contrast(numbers(getComputedStyle(it).color).slice(0, 3), ground(it));
    check(ratio >= 4.5, `contrast ${ratio.toFixed(2)}: ${it.className || it.tagName} ${text.data.trim()}`);
  }
  check(seen > 20, "hardly any text");
  return faults;
}"""

# WCAG 2.2, 2.5.8: 24 CSS pixels each way. What is only there for the keyboard has no size until it is focused.
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, summary, input, select")]
  .filter((it) => it.checkVisibility() && !it.matches(".skip"))
  .map((it) => [it, it.getBoundingClientRect()])
  .filter(([, box]) => box.width < 23.99 || box.height < 23.99)
  .map(([it, box]) => `${it.className || it.parentElement.className} ${it.textContent} ${box.width}x${box.height}`)
"""
