"""Two played platforms behind one host: each gets the requests that are for it."""

import contextlib
import urllib.request

from sandbox.neighbours.neighbour import Neighbour, Reply, route
from sandbox.neighbours.shared import shared


class Player(Neighbour):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def authorize(self, asked):
        del asked

    def plays(self, asked):
        return asked.path.startswith(f"/{self.number}/")

    @route("GET", "/{who}/me")
    def me(self, asked, who):
        del asked, who
        return Reply.json(200, {"player": self.number})


class Folder:
    def __init__(self, number, *hosts):
        self.player = Player(number)
        self.hosts = dict.fromkeys(hosts, f"http://127.0.0.1/{number}")


def test_a_request_goes_to_the_player_it_is_for_and_else_to_the_first():
    folders = [Folder(1, "graph.example", "one.example"), Folder(2, "graph.example")]
    with contextlib.ExitStack() as children:
        hosts = shared(folders, children)
        assert hosts.keys() == {"graph.example"}
        for path, number in (("/1/me", 1), ("/2/me", 2), ("/3/me", 1)):
            with urllib.request.urlopen(hosts["graph.example"] + path) as answer:
                assert answer.read() == f'{{"player": {number}}}'.encode()
        assert [each.player.books.count() for each in folders] == [2, 1]


def test_a_host_of_one_player_needs_nothing_before_it():
    with contextlib.ExitStack() as children:
        assert shared([Folder(1, "one.example"), Folder(2, "two.example")], children) == {}
