//! Pictures, as SVG text.

use std::fmt::Write as _;

use super::number::{counted, median, shown};
use super::{Report, Row, is_ours};

/// A line of values over sizes.
struct Curve<'a> {
    subject: &'a str,
    points: Vec<(f64, f64)>,
}

/// All pictures of a report: by their file's name, their text.
pub fn all(report: &Report) -> Vec<(String, String)> {
    let curve = |row: &Row| -> Vec<&Row> {
        let same = |other: &&Row| other.scenario == row.scenario && other.figure == row.figure;
        report.rows.iter().filter(same).collect()
    };
    let mut pictures: Vec<(String, String)> = Vec::new();
    for row in &report.rows {
        let sizes = curve(row);
        let (name, text) = if sizes.len() > 1 {
            let title = format!("{}: {} …, {}", row.scenario, row.figure, row.unit);
            (file(&format!("{} {}", row.scenario, row.figure)), lines(&title, &sizes))
        } else {
            let rows = report.rows.iter().filter(|other| other.scenario == row.scenario);
            let several = |row: &&Row| row.runs.len() > 1 && row.runs.values().any(|runs| median(runs) > 0.0);
            let rows: Vec<&Row> = rows.filter(|row| curve(row).len() == 1).filter(several).collect();
            if rows.is_empty() {
                continue;
            }
            (file(&row.scenario), bars(&row.scenario, &rows, &report.subjects(&row.scenario)))
        };
        // Once for all its rows.
        if pictures.iter().all(|(other, _)| *other != name) {
            pictures.push((name, text));
        }
    }
    pictures
}

fn file(words: &str) -> String {
    let plain: String =
        words.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    plain.split_ascii_whitespace().collect::<Vec<_>>().join("-") + ".svg"
}

const WIDTH: f64 = 720.0;
const FONT: &str = "font-family='sans-serif' font-size='12'";

fn colour(subject: &str) -> &'static str {
    match subject {
        "Waxwing" => "#0b6e4f",
        it if is_ours(it) => "#6bbf59",
        it if it.starts_with("Prosody") => "#4a6fa5",
        it if it.starts_with("ejabberd") => "#c8553d",
        _ => "#888888",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn begin(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' {FONT}>\n\
         <rect width='100%' height='100%' fill='white'/>\n\
         <text x='12' y='22' font-size='15' font-weight='bold'>{}</text>\n",
        escaped(title)
    )
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = writeln!(out, "<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{}</text>", escaped(words));
}

/// For each row a group of bars, the longest of which fills the width.
fn bars(title: &str, rows: &[&Row], subjects: &[&str]) -> String {
    const BAR: f64 = 17.0;
    const LEFT: f64 = 160.0;
    let count: usize = rows.iter().map(|row| row.runs.len()).sum();
    let mut out = begin(40.0 + count as f64 * BAR + rows.len() as f64 * 32.0, title);
    let mut y = 32.0;
    for row in rows {
        y += 18.0;
        text(&mut out, 12.0, y, "start", &row.title());
        y += 5.0;
        let most = row.runs.values().map(|runs| median(runs)).fold(f64::MIN_POSITIVE, f64::max);
        for subject in subjects {
            let Some(runs) = row.runs.get(*subject) else { continue };
            let value = median(runs);
            let width = (value / most).max(0.0) * (WIDTH - LEFT - 90.0);
            text(&mut out, LEFT - 6.0, y + 12.0, "end", subject);
            let _ = writeln!(
                out,
                "<rect x='{LEFT}' y='{:.1}' width='{width:.1}' height='{:.1}' fill='{}'/>",
                y + 2.0,
                BAR - 4.0,
                colour(subject)
            );
            text(&mut out, LEFT + width + 5.0, y + 12.0, "start", &shown(value));
            y += BAR;
        }
        y += 9.0;
    }
    out + "</svg>\n"
}

/// A curve of each subject. Sizes are spaced by their logarithm, values from 0.
fn lines(title: &str, rows: &[&Row]) -> String {
    const HEIGHT: f64 = 320.0;
    const LEFT: f64 = 70.0;
    const RIGHT: f64 = WIDTH - 170.0;
    const TOP: f64 = 40.0;
    const BOTTOM: f64 = HEIGHT - 36.0;
    let curves = curves(rows);
    let points = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let (low, high) = points().fold((f64::MAX, 1.0_f64), |(low, high), (x, _)| (low.min(x), high.max(x)));
    let most = points().map(|(_, y)| y).fold(f64::MIN_POSITIVE, f64::max);
    let span = (high / low).ln().max(f64::MIN_POSITIVE);
    let x = |value: f64| LEFT + (value / low).ln() / span * (RIGHT - LEFT);
    let y = |value: f64| BOTTOM - value / most * (BOTTOM - TOP);

    let mut out = begin(HEIGHT, title);
    for part in 0..=4 {
        let value = most * f64::from(part) / 4.0;
        let _ = writeln!(
            out,
            "<line x1='{LEFT}' x2='{RIGHT}' y1='{0:.1}' y2='{0:.1}' stroke='#dddddd'/>",
            y(value)
        );
        text(&mut out, LEFT - 6.0, y(value) + 4.0, "end", &shown(value));
    }
    let mut sizes: Vec<f64> = points().map(|(x, _)| x).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        text(&mut out, x(size), BOTTOM + 18.0, "middle", &counted(size as u64));
    }
    for (number, curve) in curves.iter().enumerate() {
        let path: Vec<String> =
            curve.points.iter().map(|&(at, value)| format!("{:.1},{:.1}", x(at), y(value))).collect();
        let colour = colour(curve.subject);
        let _ = writeln!(
            out,
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>",
            path.join(" ")
        );
        let at = TOP + 14.0 + number as f64 * 18.0;
        let _ = writeln!(
            out,
            "<rect x='{}' y='{:.1}' width='10' height='10' fill='{colour}'/>",
            RIGHT + 16.0,
            at - 9.0
        );
        text(&mut out, RIGHT + 32.0, at, "start", curve.subject);
    }
    out + "</svg>\n"
}

fn curves<'a>(rows: &[&'a Row]) -> Vec<Curve<'a>> {
    let mut curves: Vec<Curve<'a>> = Vec::new();
    for row in rows {
        let Some(at) = row.at else { continue };
        for (subject, runs) in &row.runs {
            let point = (at as f64, median(runs));
            match curves.iter_mut().find(|curve| curve.subject == subject) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { subject, points: vec![point] }),
            }
        }
    }
    curves
}
