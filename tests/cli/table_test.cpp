#include "cli/table.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "cli/command.hpp"

using namespace shoal;
using namespace shoal::cli;

TEST_CASE("columns are as wide as their cells") {
    Table table({{"name", Column::Fit::name}, {"count", Column::Fit::number}});
    table.add({"conv", "3"});
    table.add({"a longer one", "12345678"});
    CHECK(table.text() ==
          "name             count\n"
          "conv                 3\n"
          "a longer one  12345678\n");
}

TEST_CASE("names give way so that every line fits, numbers do not") {
    Table table({{"name", Column::Fit::name}, {"other", Column::Fit::name}, {"count", Column::Fit::number}}, 2);
    table.add({std::string(100, 'a') + "END", std::string(60, 'b'), "1234567890"});
    table.add_note(std::string(200, 'n') + "\nsecond");
    const std::string text = table.text();
    CHECK(test::widest_line(text) == 80);
    CHECK(test::contains(text, "1234567890"));
    CHECK(test::contains(text, "END"));
    CHECK(test::contains(text, "\n  second\n"));
}

TEST_CASE("cells cannot break a table") {
    Table table({{"name", Column::Fit::name}});
    table.add({"two\nlines\x1b[2J"});
    CHECK(table.text() == "name\ntwo?lines?[2J\n");
    CHECK_THROWS_AS(table.add({"one", "too many"}), base::Error);
}

TEST_CASE("facts stand below each other") {
    Facts facts(6);
    facts.add("vendor", "somebody");
    facts.add("kind", "");
    facts.add("", std::string(90, 'x') + " y");
    CHECK(facts.text() == "vendor  somebody\nkind    -\n        " + std::string(90, 'x') + "\n        y\n");
}
