//! The curves of an evaluation as SVG, drawn by plotters. Each function gives
//! one `<svg>` element that needs nothing from outside itself.

use std::fmt::Display;

use plotters::prelude::*;

use super::calibration::ReliabilityBin;
use super::outcome::Curves;
use super::selective::RiskCoverage;

const SIZE: (u32, u32) = (420, 360);
const FONT: &str = "sans-serif";
/// Okabe and Ito's blue, vermilion and green: told apart by everyone.
const BLUE_LINE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const GREEN_LINE: RGBColor = RGBColor(0, 158, 115);
const GUIDE: RGBColor = RGBColor(150, 150, 150);
/// Points closer than this to the last one drawn are left out.
const LEAST_STEP: f64 = 0.002;

/// Why a plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the plot “{title}” cannot be drawn: {reason}")]
pub struct PlotError {
    pub title: &'static str,
    pub reason: String,
}

/// A line of a plot.
struct Line {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
    /// Whether the points are marked: few, and each a finding of its own.
    marked: bool,
}

/// What a plot shows.
struct Plot {
    title: &'static str,
    x: &'static str,
    y: &'static str,
    y_max: f64,
    /// The line a perfect or a useless grader would follow.
    guide: Option<[(f64, f64); 2]>,
    legend: SeriesLabelPosition,
    lines: Vec<Line>,
}

/// Sensitivity against one minus specificity.
pub fn roc(curves: &[Curves]) -> Result<String, PlotError> {
    draw(Plot {
        title: "ROC",
        x: "1 − specificity",
        y: "sensitivity",
        y_max: 1.0,
        guide: Some([(0.0, 0.0), (1.0, 1.0)]),
        legend: SeriesLabelPosition::LowerRight,
        lines: two_way(curves, |point| {
            (point.false_positive_rate, point.true_positive_rate)
        }),
    })
}

/// Precision against recall.
pub fn precision_recall(curves: &[Curves]) -> Result<String, PlotError> {
    draw(Plot {
        title: "Precision and recall",
        x: "recall (sensitivity)",
        y: "precision (positive predictive value)",
        y_max: 1.0,
        guide: None,
        legend: SeriesLabelPosition::LowerLeft,
        lines: two_way(curves, |point| (point.true_positive_rate, point.precision)),
    })
}

fn two_way(curves: &[Curves], at: impl Fn(&super::ranking::CurvePoint) -> (f64, f64)) -> Vec<Line> {
    curves
        .iter()
        .zip([BLUE_LINE, VERMILION, GREEN_LINE].into_iter().cycle())
        .map(|(curve, color)| Line {
            name: format!("grade {} or worse", curve.from_grade),
            color,
            points: curve.points.iter().map(&at).collect(),
            marked: false,
        })
        .collect()
}

/// Accuracy against confidence, with and without temperature scaling.
pub fn reliability(
    calibrated: &[ReliabilityBin],
    uncalibrated: Option<&[ReliabilityBin]>,
) -> Result<String, PlotError> {
    let line = |name: &str, color, bins: &[ReliabilityBin]| Line {
        name: name.to_string(),
        color,
        points: bins
            .iter()
            .filter_map(|bin| bin.confidence.zip(bin.accuracy))
            .collect(),
        marked: true,
    };
    let mut lines = vec![line("as shown to people", BLUE_LINE, calibrated)];
    lines.extend(uncalibrated.map(|bins| line("before temperature scaling", VERMILION, bins)));
    draw(Plot {
        title: "Reliability",
        x: "confidence (mean highest probability)",
        y: "accuracy",
        y_max: 1.0,
        guide: Some([(0.0, 0.0), (1.0, 1.0)]),
        legend: SeriesLabelPosition::UpperLeft,
        lines,
    })
}

/// The error among the photos graded, against how many are graded.
pub fn risk_coverage(curve: &RiskCoverage) -> Result<String, PlotError> {
    let highest = curve
        .points
        .iter()
        .map(|point| point.risk.max(point.referral_risk))
        .fold(0.05, f64::max);
    let line = |name: &str, color, points: Vec<(f64, f64)>| Line {
        name: name.to_string(),
        color,
        points,
        marked: false,
    };
    draw(Plot {
        title: "Risk and coverage",
        x: "part of photos graded, surest first",
        y: "part of those wrong",
        y_max: (highest * 1.1).min(1.0),
        guide: None,
        legend: SeriesLabelPosition::UpperLeft,
        lines: vec![
            line(
                "wrong grade",
                BLUE_LINE,
                curve.points.iter().map(|p| (p.coverage, p.risk)).collect(),
            ),
            line(
                "wrong referral",
                VERMILION,
                curve
                    .points
                    .iter()
                    .map(|p| (p.coverage, p.referral_risk))
                    .collect(),
            ),
        ],
    })
}

/// Loss against learning rate, on a logarithmic scale of rates.
pub fn learning_rate(points: &[(f64, f64)]) -> Result<String, PlotError> {
    let failed = |reason: &dyn Display| PlotError {
        title: "Learning rate",
        reason: reason.to_string(),
    };
    let span = |of: fn(&(f64, f64)) -> f64| {
        let values = points.iter().map(of);
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        if low < high { low..high } else { 1e-6..1.0 }
    };
    let (rates, losses) = (span(|p| p.0), span(|p| p.1));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|e| failed(&e))?;
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(52)
            .build_cartesian_2d(rates.log_scale(), losses)
            .map_err(|e| failed(&e))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(7)
            .y_labels(6)
            .x_desc("learning rate of the last layer")
            .y_desc("loss, smoothed")
            .x_label_formatter(&|rate| format!("{rate:.0e}"))
            .label_style((FONT, 12))
            .axis_desc_style((FONT, 13))
            .draw()
            .map_err(|e| failed(&e))?;
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                BLUE_LINE.stroke_width(2),
            ))
            .map_err(|e| failed(&e))?;
        area.present().map_err(|e| failed(&e))?;
    }
    Ok(svg)
}

fn draw(plot: Plot) -> Result<String, PlotError> {
    let title = plot.title;
    let failed = |reason: &dyn Display| PlotError {
        title,
        reason: reason.to_string(),
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|e| failed(&e))?;
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..1.0, 0.0..plot.y_max)
            .map_err(|e| failed(&e))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(6)
            .y_labels(6)
            .x_desc(plot.x)
            .y_desc(plot.y)
            .label_style((FONT, 12))
            .axis_desc_style((FONT, 13))
            .draw()
            .map_err(|e| failed(&e))?;
        if let Some(ends) = plot.guide {
            chart
                .draw_series(LineSeries::new(ends, GUIDE))
                .map_err(|e| failed(&e))?;
        }
        for line in plot.lines.iter().filter(|line| !line.points.is_empty()) {
            let color = line.color;
            let stroke = color.stroke_width(2);
            chart
                .draw_series(LineSeries::new(thinned(&line.points), stroke))
                .map_err(|e| failed(&e))?
                .label(line.name.as_str())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2))
                });
            if line.marked {
                chart
                    .draw_series(
                        line.points
                            .iter()
                            .map(|&point| Circle::new(point, 3, color.filled())),
                    )
                    .map_err(|e| failed(&e))?;
            }
        }
        chart
            .configure_series_labels()
            .position(plot.legend)
            .background_style(WHITE.mix(0.85))
            .border_style(GUIDE)
            .label_font((FONT, 12))
            .draw()
            .map_err(|e| failed(&e))?;
        area.present().map_err(|e| failed(&e))?;
    }
    Ok(svg)
}

/// Leaves out points that no eye tells from the one before; the ends stay.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (place, &point) in points.iter().enumerate() {
        let near = kept.last().is_some_and(|last| {
            (last.0 - point.0).abs() < LEAST_STEP && (last.1 - point.1).abs() < LEAST_STEP
        });
        if !near || place + 1 == points.len() {
            kept.push(point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_every_visible_step() {
        let points = [
            (0.0, 0.0),
            (0.0, 0.001),
            (0.0, 0.5),
            (0.3, 0.5),
            (0.3, 0.501),
        ];
        assert_eq!(
            thinned(&points),
            [(0.0, 0.0), (0.0, 0.5), (0.3, 0.5), (0.3, 0.501)]
        );
    }

    #[test]
    fn curves_without_points_still_draw_their_axes() {
        let curves = [Curves {
            from_grade: 2,
            points: Vec::new(),
        }];
        let svg = roc(&curves).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("sensitivity"));
        assert!(!svg.contains("grade 2 or worse"), "no line, no legend");
    }
}
