// The command line itself: help, exit codes, and what is said about mistakes.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/models.hpp"
#include "support/process.hpp"

using namespace shoal::test;

namespace {

const char* const kCommands[] = {"devices", "run", "bench", "inspect", "average", "keygen"};

}  // namespace

TEST_CASE("help fits into 80 columns and shows examples") {
    const auto all = shoal_command("--help");
    CHECK(all.exit_code == 0);
    CHECK(all.error.empty());
    CHECK(widest_line(all.out) <= 80);
    CHECK(contains(all.out, "Exit codes: 0"));
    for (const std::string command : kCommands) {
        CAPTURE(command);
        CHECK(contains(all.out, "  " + command + " "));
        const auto own = shoal_command(command + " --help");
        CHECK(own.exit_code == 0);
        CHECK(own.error.empty());
        CHECK(widest_line(own.out) <= 80);
        CHECK(contains(own.out, "Usage: shoal " + command));
        CHECK(contains(own.out, "\nExamples:\n  shoal " + command));
        CHECK(contains(own.out, "--verbose"));
        CHECK(shoal_command(command + " -h").out == own.out);
        CHECK(shoal_command("help " + command).out == own.out);
    }
}

TEST_CASE("the version is one line") {
    const auto run = shoal_command("--version");
    CHECK(run.exit_code == 0);
    CHECK(run.out.substr(0, 6) == "shoal ");
    CHECK(is_one_line(run.out));
}

TEST_CASE("mistakes in the command line end with 2 and one line that helps") {
    struct Case {
        std::string arguments, says;
    };
    const Case cases[] = {
        {"", "shoal: no command was given; 'shoal --help' lists them"},
        {"-v", "shoal: no command was given; 'shoal --help' lists the commands"},
        {"rnu", "shoal: there is no command 'rnu'; did you mean 'run'?"},
        {"quantum", "shoal: there is no command 'quantum'; 'shoal --help' lists the commands"},
        {"--vresion", "shoal: there is no flag '--vresion'; did you mean '--version'?"},
        {"run", "shoal run: MODEL is required; 'shoal run --help' lists its flags"},
        {"run m.onnx --ouput out", "shoal run: there is no flag '--ouput'; did you mean '--output'?"},
        {"run m.onnx --something-else", "shoal run: there is no flag '--something-else'; 'shoal run --help'"},
        {"run --ouput out", "shoal run: there is no flag '--ouput'; did you mean '--output'?"},
        {"bench m.onnx n.onnx", "shoal bench: 'n.onnx' is one argument too many"},
        {"run m.onnx --repeat", "shoal run: --repeat needs a value behind it"},
        {"run m.onnx --repeat three", "shoal run: --repeat: "},
        {"run m.onnx --repeat 0", "shoal run: --repeat: "},
        {"run m.onnx --fit corp", "shoal run: --fit: 'corp' is none of crop, stretch; did you mean 'crop'?"},
        {"run m.onnx --threads 1 --threads 2", "shoal run: --threads is given more than once"},
        {"bench m.onnx --seed x", "shoal bench: --seed: "},
        {"average a.onnx -o b.onnx", "shoal average: "},
        {"average a.onnx b.onnx", "shoal average: --output is required"},
        {"average a.onnx b.onnx -o c.onnx --weights 1", "shoal average: --weights: 1 number for 2 models"},
        {"average a.onnx b.onnx -o c.onnx --weights 1,x", "shoal average: --weights: 'x' in '1,x' is not a number"},
        {"keygen a -o b", "shoal keygen: give the name once"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.arguments);
        const auto run = shoal_command(row.arguments);
        INFO(run.error);
        CHECK(run.exit_code == 2);
        CHECK(run.out.empty());
        CHECK(is_one_line(run.error));
        CHECK(run.error.substr(0, row.says.size()) == row.says);
    }
}

TEST_CASE("what fails ends with 1 and says what and why") {
    const auto absent = shoal_command("inspect /dev/null/none/model.onnx");
    CHECK(absent.exit_code == 1);
    CHECK(is_one_line(absent.error));
    CHECK(contains(absent.error, "shoal inspect: "));
    CHECK(contains(absent.error, "/dev/null/none/model.onnx"));
    const TemporaryFolder folder;
    folder.write("text.onnx", "this is no model");
    const auto text = shoal_command("inspect " + (folder / "text.onnx").string());
    CHECK(text.exit_code == 1);
    CHECK(is_one_line(text.error));
    CHECK(contains(text.error, "text.onnx"));
}

TEST_CASE("a reader that goes away is no failure, a full disk is") {
    const TemporaryFolder folder;
    write_classifier(folder / "m.onnx");
    // The reader closes its end before the command starts, and waits for its exit code.
    const auto closed = run_command("cd " + folder.path().string() +
                                    " && { until [ -e closed ]; do :; done; " SHOAL_COMMAND
                                    " inspect m.onnx 2>said; echo $? >made; mv made code; } |"
                                    " { exec <&-; : >closed; until [ -e code ]; do :; done; }; cat code said");
    CHECK(closed.output == "0\n");
    const auto full = run_command(SHOAL_COMMAND " inspect " + (folder / "m.onnx").string() + " 2>&1 >/dev/full");
    CHECK(full.exit_code == 1);
    CHECK(full.output == "shoal inspect: cannot write to standard output: No space left on device\n");
}

TEST_CASE("quiet keeps warnings to itself, verbose tells more") {
    const TemporaryFolder folder;
    folder.write("vendors/gone.icd", "libno-such-driver.so.9\n");
    const std::string cache = "SHOAL_CACHE=" + (folder / "cache").string();
    write_classifier(folder / "m.onnx");
    // A cache that cannot be written is worth a warning.
    folder.write("cache", "a file where the cache should be");
    const std::string bench = "bench " + (folder / "m.onnx").string() + " --skip-start -n 1 ";
    const auto run = shoal_command(bench, cache);
    if (contains(run.error, "no OpenCL device")) {
        MESSAGE("skipped: no OpenCL device");
        return;
    }
    CHECK(run.exit_code == 0);
    CHECK(shoal_command(bench + "--quiet", cache).error.empty());
    CHECK(shoal_command(bench + "-vv", cache).error.size() >= run.error.size());
}
