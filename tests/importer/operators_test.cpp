#include "importer/operators.hpp"

#include <doctest/doctest.h>

#include <set>

#include "graph/scalar_function.hpp"
#include "importer/context.hpp"

using namespace shoal;
using importer::Row;

TEST_CASE("every row has exactly one way to be lowered") {
    for (const Row* row : importer::all_rows()) {
        CAPTURE(row->name);
        const int ways = (row->lower != nullptr) + (row->lower_slots != nullptr) +
                         (row->control != importer::Control::none) + !row->refusal.empty();
        CHECK(ways == 1);
        CHECK(row->since >= 1);
        CHECK((row->until == 0 || row->until >= row->since));
    }
}

TEST_CASE("elementwise rows name scalar functions that exist") {
    const Row* exp = importer::find_row("", "Exp", 17);
    int checked = 0;
    for (const Row* row : importer::all_rows()) {
        if (row->lower != exp->lower) continue;
        CAPTURE(row->name);
        for (const auto name : {row->real, row->whole}) {
            if (name.empty()) continue;
            CHECK(graph::find_scalar_function(name) != nullptr);
            ++checked;
        }
    }
    CHECK(checked > 50);
}

TEST_CASE("no two rows serve the same operator in the same version") {
    std::set<std::tuple<std::string_view, std::string_view, int>> seen;
    for (const Row* row : importer::all_rows()) {
        const int until = row->until != 0 ? row->until : importer::kNewestOpset;
        for (int version = row->since; version <= until; ++version) {
            CAPTURE(row->name);
            CHECK(seen.emplace(row->domain, row->name, version).second);
        }
    }
    CHECK(seen.size() > 1000);
}

TEST_CASE("rows are found by version") {
    CHECK(importer::find_row("", "Relu", 17) != nullptr);
    CHECK(importer::find_row("", "Relu", importer::kNewestOpset) != nullptr);
    CHECK(importer::find_row("", "Relu", importer::kNewestOpset + 1) == nullptr);
    CHECK(importer::find_row("", "Upsample", 9) != nullptr);
    CHECK(importer::find_row("", "Upsample", 11) == nullptr);
    CHECK(importer::find_row("com.microsoft", "FusedConv", 1) != nullptr);
    CHECK(importer::find_row("com.microsoft", "FusedConv", 0) != nullptr);  // domain not imported
    CHECK(importer::find_row("", "NoSuchThing", 17) == nullptr);
    CHECK_FALSE(importer::is_supported("", "RandomNormal", 17));
    CHECK_FALSE(importer::reason_of_refusal("", "RandomNormal").empty());
}
