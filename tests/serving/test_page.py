"""The chat page: its files as they are served, and the page in a real Chromium."""

import json
import re
import shutil
from urllib.parse import urlsplit

import httpx
import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 780}


def strings_of(address):
    script = httpx.get(f"{address}/page/strings.js").text
    return json.loads(script[script.index("= {") + 2 : script.rindex("}") + 1])


def files_of(address):
    """The page's files by name: the index and all that it and its scripts name."""
    found, names = {}, ["/"]
    while names:
        name = names.pop()
        response = httpx.get(address + name)
        assert response.status_code == 200, f"{name} is not there"
        found[name] = response
        named = re.findall(r'(?:href|src)="(page/[\w.]+)"', response.text)
        named += [f"page/{script}" for script in re.findall(r'from "\./([\w.]+)"', response.text)]
        names += [f"/{name}" for name in named if f"/{name}" not in found]
    return found


def test_both_languages_say_everything(served_once):
    strings = strings_of(served_once)
    assert set(strings) == {"en", "zh"}
    assert set(strings["en"]) == set(strings["zh"])
    for key, english in strings["en"].items():
        assert re.findall(r"{\w+}", english) == re.findall(r"{\w+}", strings["zh"][key]), key
        assert strings["zh"][key] != english, f"{key} is not translated"


def test_every_sentence_the_page_asks_for_exists(served_once):
    files = files_of(served_once)
    asked = re.findall(r'data-(?:text|label|placeholder)="(\w+)"', files["/"].text)
    asked += re.findall(r'\bsay\("(\w+)"', files["/page/chat.js"].text)
    asked += re.findall(r'ReplyError\("(\w+)"', files["/page/stream.js"].text)
    assert len(asked) > 20
    assert set(asked) <= set(strings_of(served_once)["en"])


def test_the_page_may_load_and_ask_nothing_but_its_own_server(served_once):
    files = files_of(served_once)
    assert {"/", "/page/style.css", "/page/chat.js", "/page/icon.svg"} <= set(files)
    policy = files["/"].headers["content-security-policy"]
    assert "default-src 'none'" in policy and "'unsafe" not in policy
    assert set(re.findall(r"(?:script|style|img|connect)-src ([^;]+)", policy)) == {"'self'"}
    assert files["/"].headers["x-content-type-options"] == "nosniff"
    for name, response in files.items():
        addresses = set(re.findall(r"https?://[\w.]+", response.text))
        assert addresses <= {"http://www.w3.org"}, f"{name} names other places"
        assert "innerHTML" not in response.text, f"{name} could turn an answer into markup"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Opens the page at an address; at the end, checks that it asked nowhere else."""
    contexts, elsewhere, complaints = [], [], []

    def open_page(address, *, locale="en-US", viewport=None):
        context = browser.new_context(locale=locale, viewport=viewport)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on(
            "request",
            lambda request: (
                elsewhere.append(request.url)
                if urlsplit(request.url).netloc != urlsplit(address).netloc
                else None
            ),
        )
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert complaints == []


def ask(page, question):
    page.get_by_role("textbox").fill(question)
    page.keyboard.press("Enter")


def last_answer(page):
    """The text of the last answer, once it is finished."""
    page.locator(".answered:last-child:not(.making)").wait_for()
    return page.locator(".answered:last-child .text").inner_text()


@pytest.mark.slow
def test_a_question_is_answered_and_its_citation_opens(opened, served_once):
    page = opened(served_once)
    page.get_by_role("button", name="What does shutil.copytree do?").click()

    answer = last_answer(page)
    assert "Recursively copy a directory tree" in answer
    assert page.locator(".answered strong").inner_text() == "directory tree"
    assert page.locator(".answered p code").inner_text() == "shutil.copytree(a, b)"
    assert page.locator(".answered pre").inner_text() == "import shutil\nshutil.copytree('a', 'b')"
    assert "<b id=injected>Done</b>" in answer and page.locator("#injected").count() == 0
    assert page.get_by_role("status").inner_text().startswith("Recursively copy")

    page.get_by_role("button", name="Show the passage from shutil.copytree").click()
    passage = page.get_by_role("dialog")
    assert "return the destination directory" in passage.inner_text()
    assert "91%" in passage.inner_text()
    assert passage.get_by_role("link").get_attribute("href") == (
        "https://docs.python.org/3/library/shutil.html#shutil.copytree"
    )
    page.keyboard.press("Escape")
    assert passage.count() == 0
    page.get_by_role("button", name="Show the passage from Our notes").click()
    assert passage.get_by_role("link").count() == 0, "a document with no address has no link"


@pytest.mark.slow
def test_only_what_is_meant_as_markup_changes_its_looks(opened, served_once):
    page = opened(served_once)
    ask(page, "x**2 + y**2, f(**a, **b), ``len(x)`` and `x`, **so** ok ` **")
    assert last_answer(page) == "x**2 + y**2, f(**a, **b), len(x) and x, so ok ` **"
    assert page.locator(".text code").all_inner_texts() == ["len(x)", "x"]
    assert page.locator(".text strong").all_inner_texts() == ["so"]

    wrapped = "A line that a text editor broke, because it grew too\nlong for its window."
    code = "    >>> an_indented_line_of_code_that_is_longer_than_the_others()\n    1\nshort\nlines"
    ask(page, f"{wrapped}\n\n{code}")
    assert last_answer(page).split("\n\n") == [wrapped.replace("\n", " "), code]


@pytest.mark.slow
def test_stop_ends_the_answer_and_the_work_and_retry_asks_again(opened, serving, scripted):
    assistant = scripted(step_seconds=0.03)
    with serving(assistant) as address:
        page = opened(address)
        ask(page, "count")
        page.get_by_text("1 2 3 4").wait_for()  # it streams: 256 numbers would take 8 seconds
        page.get_by_role("button", name="Stop the answer").click()
        assert "You stopped this answer." in page.locator(".answered").inner_text()
        assert assistant.closed.wait(5), "the server went on with an answer that was stopped"
        assert "1 2 3 4" in last_answer(page)

        page.get_by_role("textbox").fill("a draft")
        page.get_by_role("button", name="Try again").click()
        page.get_by_text("1 2 3 4").wait_for()
        assert page.get_by_role("textbox").input_value() == "a draft"
        page.get_by_role("button", name="Stop the answer").click()
        last_answer(page)
        assert page.locator(".asked").count() == 1
        assert [messages[-1]["content"] for messages in assistant.asked] == ["count", "count"]


@pytest.mark.slow
def test_the_conversation_goes_along_survives_a_reload_and_ends_with_a_new_chat(
    opened, serving, scripted
):
    assistant = scripted()
    with serving(assistant) as address:
        page = opened(address)
        ask(page, "My name is Ada")
        last_answer(page)
        ask(page, "break")  # a failed answer with its error is no part of what is sent later
        page.get_by_role("alert").wait_for()
        assert "Something went wrong" in page.get_by_role("alert").inner_text()
        page.reload()
        assert page.locator(".asked").all_inner_texts()[0].endswith("My name is Ada")
        ask(page, "And now?")
        assert last_answer(page) == "And now?"
        assert [message["content"] for message in assistant.asked[-1]][:2] == ["My name is Ada"] * 2
        page.get_by_role("button", name="New chat").click()
        assert page.locator(".asked").count() == 0
        page.reload()
        assert page.get_by_role("heading", name="What would you like to know?").is_visible()


@pytest.mark.slow
def test_the_page_speaks_chinese_when_asked_and_remembers_it(opened, served_once):
    page = opened(served_once)
    page.get_by_role("button", name="切换到中文").click()
    assert page.get_by_role("heading", name="想了解什么？").is_visible()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.reload()
    page.get_by_role("button", name="你好", exact=True).click()
    assert last_answer(page) == "你好"
    page.get_by_role("button", name="Switch to English").click()
    assert page.get_by_role("button", name="New chat").is_visible()


@pytest.mark.slow
def test_a_chinese_browser_on_a_phone_sees_chinese_without_scrolling_sideways(opened, served_once):
    page = opened(served_once, locale="zh-CN", viewport=PHONE)
    assert page.get_by_role("heading", name="想了解什么？").is_visible()

    def overflow():
        return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    assert overflow() <= 0
    ask(page, f"copytree {'very' * 60} {'长' * 200}")
    last_answer(page)
    assert overflow() <= 0
    assert page.evaluate("document.querySelector('main').scrollWidth") <= PHONE["width"]
    page.locator(".chip").first.click()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]


@pytest.mark.slow
def test_shift_enter_and_chinese_input_do_not_send(opened, serving, scripted):
    assistant = scripted()
    with serving(assistant) as address:
        page = opened(address)
        box = page.get_by_role("textbox")
        box.fill("one")
        box.press("Shift+Enter")
        box.press("t")
        assert box.input_value() == "one\nt"
        box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
        assert assistant.asked == [] and page.locator(".asked").count() == 0
        box.press("Enter")
        assert last_answer(page) == "one\nt"


@pytest.mark.slow
def test_a_server_that_is_gone_is_a_sentence_with_a_way_on(opened, serving, scripted):
    with serving(scripted()) as address:
        page = opened(address)
    ask(page, "Hello")
    page.get_by_role("alert").wait_for()
    assert "cannot be reached" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("button", name="Try again").is_visible()
