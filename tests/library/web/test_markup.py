"""A customer's words stay words in HTML, and an agent's HTML becomes words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.web.markup import inert, paragraph, plain, rewritten


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("I <3 this & <b>that</b>", '<p dir="auto">I &lt;3 this &amp; &lt;b&gt;that&lt;/b&gt;</p>'),
        ("one\r\ntwo\n\nthree", '<p dir="auto">one<br>two<br><br>three</p>'),
        ("a  b", '<p dir="auto">a\u00a0 b</p>'),
        ("**not bold** [x](http://y)", '<p dir="auto">**not bold** [x](http://y)</p>'),
    ],
)
def test_a_customers_words_become_nothing_but_words(text, markup):
    assert paragraph(text) == markup


@pytest.mark.parametrize("command", ["{{ticket.id}}", "{% if x %}", "{{{x}}}", "@agnes", "(@agnes)", "{{dc.secret}}"])
def test_no_template_mark_and_no_mention_is_left_whole(command):
    made = inert(command)
    assert "{{" not in made
    assert "}}" not in made
    assert "{%" not in made
    assert "%}" not in made
    assert "@a" not in made
    assert made.replace("\u2060", "") == command


def test_an_email_address_is_no_mention():
    assert inert("write to anna@example.org") == "write to anna@example.org"


@pytest.mark.parametrize(
    "address",
    [
        "https://www.google.com/maps/@64.1466,-21.9426,15z", "https://www.tiktok.com/@northwind/video/7123",
        "https://medium.com/@anna/a-story", "https://youtube.com/@anna", "geo://@64.1,-21.9", "https://x.example/?q={a}",
        "www.tiktok.com/@northwind/video/7123", "medium.com/@anna", "localhost.example:8080/@a", "t.me/@anna",
    ],
)  # fmt: skip
def test_an_address_is_left_to_the_letter(address):
    assert inert(f"I am here: {address} or (at) {address}") == f"I am here: {address} or (at) {address}"
    assert inert(f"@anna {address} @anna") == f"@\u2060anna {address} @\u2060anna"


def test_a_template_mark_in_an_address_is_encoded_so_that_the_address_still_works():
    made = inert("https://x.example/?q={{ticket.id}}&r={%25 {{ticket.id}}")
    assert made == "https://x.example/?q=%7B%7Bticket.id%7D%7D&r=%7B%25 {\u2060{ticket.id}\u2060}"
    assert "@anna://x" not in inert("@anna://x")


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<ol><li>a</li></ol><p>Then</p><ol start="3"><li>b</li><li value="7">c</li><li>d</li></ol>',
            "1. a\n\nThen\n\n3. b\n7. c\n8. d"),
        ('<ol start="x"><li>a</li></ol>', "1. a"),
        ('Please <a href="mailto:help@example.org?subject=x">write</a>', "Please write (help@example.org)"),
        ('<a href="mailto:help@example.org">help@example.org</a>', "help@example.org"),
        ('<a href="tel:+3545551234">call us</a>', "call us (+3545551234)"),
        ('<a href="tel:+3545551234">+354 555-1234</a>', "+354 555-1234"),
        ('<a href="https://example.org/a">see https://example.org/a</a>', "see https://example.org/a"),
        ("<table><thead><tr><th>Size</th><th>Price</th></tr></thead><tr><td>M</td><td>10</td></tr></table>",
            "Size Price\nM 10"),
        ("<dl><dt>Colour</dt><dd>red</dd><dt>Size</dt><dd>M</dd></dl>", "Colour\nred\nSize\nM"),
        ("<section>One</section><section>Two</section>", "One\nTwo"),
        ("<figure><img alt='plan'><figcaption>The plan</figcaption></figure><p>Yours</p>", "[plan]\nThe plan\n\nYours"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<html><head><title>News</title><style>p {}</style><body><p>Hi</p>", "Hi"),
        ("<ul><li><p>a</p></li><li><p>b</p><p>c</p></li></ul><p>d</p>", "- a\n- b\nc\n\nd"),
        ("<p>a</p><ol><li><div>b</div><ul><li><p>c</p></li></ul></li></ol>d", "a\n\n1. b\n  - c\n\nd"),
        ('<a href="whatsapp://send?phone=354">chat</a> <a href="geo:64.1,-21.9">map</a> <a href="ftp://e.is/f">f</a>',
            "chat (whatsapp://send?phone=354) map (geo:64.1,-21.9) f (ftp://e.is/f)"),
        ('<a href="data:text/html,x">a</a> <a href=" JavaScript:x()">b</a> <a href="/c">c</a> <a href="#d">d</a>',
            "a b c d"),
        ("<article>a</article>b<aside>c</aside><footer>d</footer>", "a\nb\nc\nd"),
    ],
)  # fmt: skip
def test_words_stay_apart_and_targets_visible(markup, words):
    assert plain(markup) == words


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<p>Hi Anna,</p><p>it is on its way 🚚</p>", "Hi Anna,\n\nit is on its way 🚚"),
        ('<div class="zd-comment" dir="auto">One<br>\n two &amp; three<br></div>', "One\ntwo & three"),
        ('<p>See <a href="https://example.org/x">the page</a>.</p>', "See the page (https://example.org/x)."),
        ('<a href="https://example.org/">https://example.org</a>', "https://example.org"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ("<ul><li>a</li><li>b</li></ul><ol><li>c</li><li>d</li></ol>", "- a\n- b\n\n1. c\n2. d"),
        ("<style>p{}</style><script>x()</script><p>words</p>", "words"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("مرحبا<br>שלום", "مرحبا\nשלום"),
        ("&lt;b&gt; stays", "<b> stays"),
    ],
)
def test_an_agents_html_becomes_plain_words(markup, words):
    assert plain(markup) == words


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60))
def test_words_survive_the_way_in_and_out(text):
    assert "".join(plain(paragraph(text)).split()).replace("\u2060", "") == "".join(text.split()).replace("\u2060", "")


def test_only_the_chosen_paragraph_is_changed():
    marked, count = rewritten(
        '<div><p><strong>09:14</strong></p><p dir="auto">a &amp; b<br>c</p></div>',
        lambda number, words: f"<redact>{words}</redact>" if number == 2 else words,
    )
    assert count == 2
    assert marked == (
        '<div><p><strong>09:14</strong></p><p dir="auto"><redact>a </redact><redact>&amp;</redact>'
        "<redact> b</redact><br><redact>c</redact></p></div>"
    )


@pytest.mark.parametrize("hostile", ["<div ", "<!--", "<", "<a x='", "</", "<?"])
def test_hostile_markup_is_read_in_linear_time(hostile):
    def cost(times):
        start = time.process_time()
        plain(hostile * times)
        return max(time.process_time() - start, 1e-4)

    assert cost(8_000) < 40 * max(cost(1_000), 2e-3)


def test_a_lone_angle_stays_in_the_text():
    assert plain("<p>5 < 6</p> and 7 <8") == "5 < 6\n\nand 7 <8"
