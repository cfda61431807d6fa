// Tables that read well in 80 columns: each column as wide as it must be, the wide ones cut when the line is full.
#pragma once

#include <string>
#include <vector>

namespace shoal::cli {

struct Column {
    enum class Fit {
        text,    ///< left, never cut
        number,  ///< right, never cut
        name,    ///< left, cut in the middle where the line is full
    };
    std::string heading;
    Fit fit = Fit::text;
};

class Table {
public:
    explicit Table(std::vector<Column> columns, std::size_t indent = 0);

    /// As many cells as there are columns; what is unknown is "-".
    void add(std::vector<std::string> cells);
    /// Lines below the row before, each cut where it is longer than the table may be.
    void add_note(std::string text);

    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    /// Heading and rows, a line each. No line is longer than `columns`.
    [[nodiscard]] std::string text(std::size_t columns = 80) const;

private:
    struct Row {
        std::vector<std::string> cells;  // empty: a note
        std::string note;
    };
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns) const;

    std::vector<Column> columns_;
    std::size_t indent_;
    std::vector<Row> rows_;
};

/// A name and its value a line, values below each other and wrapped there; nothing is cut.
class Facts {
public:
    explicit Facts(std::size_t name_width, std::size_t indent = 0) : name_width_(name_width), indent_(indent) {}

    void add(std::string_view name, std::string_view value);
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::size_t name_width_, indent_;
    std::string text_;
};

}  // namespace shoal::cli
