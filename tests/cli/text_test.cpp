#include "cli/text.hpp"

#include <doctest/doctest.h>

using namespace shoal::cli;

TEST_CASE("text is cut by characters, not bytes") {
    CHECK(width("") == 0);
    CHECK(width("Größe") == 5);
    CHECK(fitted("Größe", 5) == "Größe");
    CHECK(fitted("Größenwahn", 8) == "Größe...");
    CHECK(fitted("abcdef", 2) == "ab");
    CHECK(fitted_middle("abcdefghijklm", 9) == "abc...klm");
    CHECK(width(fitted_middle("äöüäöüäöüäöü", 8)) == 8);
    for (std::size_t most = 0; most < 20; ++most)
        CHECK(width(fitted_middle("/layer1/layer1.0/conv1/Conv", most)) == most);
}

TEST_CASE("what a terminal would obey is made harmless") {
    CHECK(printable("a\x1b[31mb\tc\x7f") == "a?[31mb?c?");
    CHECK(printable("two\nlines") == "two?lines");
    CHECK(printable("two\nlines", true) == "two\nlines");
    CHECK(printable("\xC2\x9B"
                    "31m") == "?31m");
    CHECK(printable("Größe") == "Größe");
}

TEST_CASE("words fill lines and keep their indent") {
    CHECK(wrapped("one two three", 2, 9) == "  one two\n  three\n");
    CHECK(wrapped("one\n\ntwo", 1, 80) == " one\n\n two\n");
    CHECK(wrapped("unbreakable word", 0, 5) == "unbreakable\nword\n");
    CHECK(wrapped("", 4) == "\n");
}

TEST_CASE("splitting and joining") {
    CHECK(split("a, b,,c", ",") == std::vector<std::string>{"a", "b", "", "c"});
    CHECK(split("", ",") == std::vector<std::string>{""});
    CHECK(split("1x3,4", ",x") == std::vector<std::string>{"1", "3", "4"});
    CHECK(joined({"a", "b"}) == "a, b");
    CHECK(joined({}) == "");
    CHECK(counted(1, "kernel") == "1 kernel");
    CHECK(counted(2, "kernel") == "2 kernels");
    CHECK(number(0.012345, 3) == "0.0123");
}
