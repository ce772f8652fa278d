#!/usr/bin/python3
"""emulator COLUMNS ROWS FILE: a terminal that is not tmux. For each line "now" of its input it reads what the file has
more by then, and prints the rows of its screen, and an empty line behind them. Any other line it prints as its
rows are, in the one form that Unicode has for what looks the same."""
import sys
import unicodedata

import pyte
from wcwidth import wcwidth


class Screen(pyte.Screen):
    """One that puts every mark on the letter before it, also those of no combining class, at which the library throws
    away the rest of a run of text."""

    def draw(self, data):
        for character in data:
            if wcwidth(character) == 0 and not unicodedata.combining(character):
                self.put_mark(character)
            else:
                super().draw(character)

    def put_mark(self, mark):
        line = self.buffer[self.cursor.y]
        column = self.cursor.x - 1
        if column > 0 and line[column].data == "":
            column -= 1  # the second cell of a wide one
        if column >= 0:
            line[column] = line[column]._replace(data=line[column].data + mark)


columns, rows, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
screen = Screen(columns, rows)
stream = pyte.ByteStream(screen)
source = open(path, "rb")
source.readline()  # what `script` itself writes first
for asked in sys.stdin:
    if asked != "now\n":
        print(unicodedata.normalize("NFC", asked.rstrip()), flush=True)
        continue
    stream.feed(source.read())
    for row in screen.display:
        print("|" + unicodedata.normalize("NFC", row).rstrip())
    print(flush=True)
