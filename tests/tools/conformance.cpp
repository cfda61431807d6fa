// shoal_conformance: runs operator tests in the layout of the ONNX backend test data and says which agree.
//
//   shoal_conformance [--data DIR] [--list FILE] [--tier N] [--family F] [--match TEXT] [--device D] [--boards N]
//   [--jobs N]
//
// FILE is a table with a heading (tab-separated: path, family, tier, ...). Prints a table by family, one line with the
// reason for each failure, and ends with "N passed, N failed, N skipped". A folder without data sets
// is a failure. Exits with 1 when a test failed, with 77 when none ran.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "importer/source.hpp"
#include "tools/cases.hpp"

namespace fs = std::filesystem;
using namespace shoal;

namespace {

struct Test {
    std::string path, family;
    int tier = 0;
    enum class Result { pending, passed, failed, skipped } result = Result::pending;
    std::string reason{};
};

std::vector<Test> read_list(const std::string& file) {
    std::ifstream in(file);
    if (!in) base::fail(base::Code::not_found, "cannot read ", file);
    std::vector<Test> out;
    std::string line;
    std::getline(in, line);  // the heading
    while (std::getline(in, line)) {
        std::istringstream cells(line);
        Test test;
        std::string tier;
        std::getline(cells, test.path, '\t');
        std::getline(cells, test.family, '\t');
        std::getline(cells, tier, '\t');
        test.tier = std::atoi(tier.c_str());
        if (!test.path.empty()) out.push_back(std::move(test));
    }
    return out;
}

// Rounding to a coarse grid may fall on either side, so quantised results may differ by one step, and so may what is
// dequantised from them.
tools::Closeness closeness_of(const importer::Model& model) {
    tools::Closeness out{{1e-3, 1e-5}, {1e-2, 1e-3}};
    const auto quantises = [](const importer::SourceOp& op) {
        return op.type.find("Quantize") != std::string::npos || op.type.find("QLinear") != std::string::npos;
    };
    const auto& body = model.source()->body;
    if (std::any_of(body.ops.begin(), body.ops.end(), quantises)) out.steps = 1;
    for (const auto& output : body.outputs) {
        out.slack.push_back(0);
        for (const auto& op : body.ops) {
            if (op.type != "DequantizeLinear" || op.outputs.at(0) != output.name || op.inputs.size() < 2) continue;
            const auto scale = body.initialisers.find(op.inputs[1]);
            const auto made = std::any_of(body.ops.begin(), body.ops.end(), [&](const importer::SourceOp& other) {
                return quantises(other) && other.outputs.at(0) == op.inputs[0];
            });
            if (made && scale != body.initialisers.end())
                out.slack.back() = std::abs(tensor::element_as_double(scale->second.tensor(), 0));
        }
    }
    return out;
}

void run(Test& test, const fs::path& data, const std::vector<tools::Device>& boards) {
    const fs::path folder = data / test.path;
    if (!fs::exists(folder / "model.onnx")) {
        test.result = Test::Result::skipped;
        test.reason = "not there";
        return;
    }
    try {
        const auto model = importer::Model::load(folder / "model.onnx");
        const auto sets = tools::data_sets(folder);
        if (sets.empty()) test.reason = "no test_data_set_* beside the model";
        for (const auto& set : sets) {
            const auto expected = tools::read_data_set(set, model);
            const auto got = tools::run_model(model, expected.inputs, boards);
            test.reason = tools::compare(got, expected.outputs, closeness_of(model));
            if (!test.reason.empty()) break;
        }
    } catch (const std::exception& error) {
        test.reason = error.what();
    }
    test.result = test.reason.empty() ? Test::Result::passed : Test::Result::failed;
}

void run_all(std::vector<Test>& tests, const fs::path& data, const std::vector<tools::Device>& boards, int jobs) {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < jobs; ++i) {
        threads.emplace_back([&] {
            for (std::size_t at = next++; at < tests.size(); at = next++)
                run(tests[at], data, boards);
        });
    }
    for (auto& thread : threads)
        thread.join();
}

std::string one_line(std::string text) {
    for (char& c : text) {
        if (c == '\n') c = ' ';
    }
    return text;
}

// Prints the table and the failures; returns what to exit with.
int report(const std::vector<Test>& tests) {
    struct Counts {
        int passed = 0, failed = 0, skipped = 0;
        void add(Test::Result result) {
            passed += result == Test::Result::passed;
            failed += result == Test::Result::failed;
            skipped += result == Test::Result::skipped;
        }
    };
    std::map<std::string, Counts> families;
    std::map<int, Counts> tiers;
    Counts all;
    for (const Test& test : tests) {
        families[test.family].add(test.result);
        tiers[test.tier].add(test.result);
        all.add(test.result);
    }
    std::printf("%-34s %7s %7s %8s\n", "family", "passed", "failed", "skipped");
    for (const auto& [family, counts] : families)
        std::printf("%-34s %7d %7d %8d\n", family.c_str(), counts.passed, counts.failed, counts.skipped);
    for (const auto& [tier, counts] : tiers)
        std::printf("%-34s %7d %7d %8d\n", base::text("tier ", tier).c_str(), counts.passed, counts.failed,
                    counts.skipped);
    for (const Test& test : tests) {
        if (test.result == Test::Result::passed) continue;
        std::printf("%s %s: %s\n", test.result == Test::Result::failed ? "FAILED" : "skipped", test.path.c_str(),
                    one_line(test.reason).c_str());
    }
    std::printf("%d passed, %d failed, %d skipped\n", all.passed, all.failed, all.skipped);
    if (all.failed > 0) return 1;
    return all.passed > 0 ? 0 : tools::kSkipped;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Runs operator tests and says which agree.");
    std::string data, list, family, match, device = "host";
    int tier = 0, jobs = 1, boards = 1;
    app.add_option("--data", data, "folder of the tests (default: conformance in the shared test data)");
    app.add_option("--list", list, "table of the tests (default: tests.tsv in the folder)");
    app.add_option("--tier", tier, "only tests of this tier");
    app.add_option("--family", family, "only tests of this family");
    app.add_option("--match", match, "only tests whose path contains this");
    app.add_option("--device", device, "\"host\", \"optimised\", or an OpenCL device by id, kind or part of its name");
    app.add_option("--boards", boards,
                   "split over so many boards of this process, and hold that the bytes stay the same")
        ->check(CLI::Range(1, 64));
    app.add_option("--jobs", jobs, "tests at a time")->check(CLI::Range(1, 256));
    CLI11_PARSE(app, argc, argv);
    if (data.empty()) data = tools::shared_folder("conformance").string();
    if (!fs::exists(data)) {
        std::printf("0 passed, 0 failed, 0 skipped: there is no test data in %s\n", data.c_str());
        return tools::kSkipped;
    }
    if (!tools::can_open(device)) {
        std::printf("0 passed, 0 failed, 0 skipped: there is no OpenCL device\n");
        return tools::kSkipped;
    }
    try {
        auto tests = read_list(list.empty() ? (fs::path(data) / "tests.tsv").string() : list);
        std::erase_if(tests, [&](const Test& test) {
            return (tier != 0 && test.tier != tier) || (!family.empty() && test.family != family) ||
                   test.path.find(match) == std::string::npos;
        });
        run_all(tests, data, tools::open_devices(device, boards), jobs);
        return report(tests);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
