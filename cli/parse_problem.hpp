// What is wrong with a command line, in one sentence and with the name that was probably meant.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace shoal::cli {

/// `app` is the whole program's, after it threw `error`.
[[nodiscard]] std::string parse_problem(const CLI::App& app, const CLI::ParseError& error);

}  // namespace shoal::cli
