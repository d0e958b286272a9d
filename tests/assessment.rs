//! What is said of a photo, and what is decided of it again at another point,
//! without a network: its outputs are given.
#![cfg(not(target_arch = "wasm32"))]

mod bundle_support;

use fovea::bundle::{Doubt, DoubtWeights, FurtherPoint, Looks, Manifest};
use fovea::grading::{
    Assessment, Decision, Evidence, Grade, Lines, Milliseconds, PointName, Status,
};
use fovea::photo::{Cut, PhotoError, Retina};
use fovea::quality::Reason;

const RETINA: Retina = Retina {
    center_x: 50.0,
    center_y: 50.0,
    radius_x: 40.0,
    radius_y: 40.0,
    cut: Cut {
        left: false,
        right: false,
        top: false,
        bottom: false,
    },
};

/// A model with two operating points, a head for macular oedema and a doubt that
/// calls nothing unsure by itself.
fn manifest() -> Manifest {
    let further = |name: PointName, from_grade, threshold| FurtherPoint {
        name: name.line(from_grade),
        from_grade,
        point: bundle_support::point(threshold),
    };
    let mut manifest = Manifest {
        edema: Some(bundle_support::edema(0.2)),
        doubt: Some(Doubt {
            looks: Looks::MeanOfQuarterTurns,
            weights: DoubtWeights {
                constant: -2.0,
                guess: 0.0,
                line: 0.0,
                moved: 0.0,
            },
            unsure_from: 1.0,
            look_again_from: 1.0,
            fixed_on: "nothing".to_owned(),
            command: "none".to_owned(),
            figures: Vec::new(),
        }),
        ..bundle_support::manifest(b"weights")
    };
    manifest.thresholds.referable.threshold = 0.2;
    manifest.thresholds.further = vec![
        further(PointName::Screening, 3, 0.1),
        further(PointName::Specific, 2, 0.85),
    ];
    manifest
}

/// Of a network whose outputs are the logarithms of these probabilities.
fn graded(manifest: &Manifest, grades: [f32; 5], risks: [f32; 3]) -> Assessment {
    let mut outputs = grades.map(f32::ln).to_vec();
    if manifest.edema.is_some() {
        outputs.extend(risks.map(f32::ln));
    }
    Assessment::graded(
        manifest,
        "cpu",
        &outputs,
        &[],
        RETINA,
        Milliseconds::default(),
    )
}

const SEVERE: [f32; 5] = [0.1, 0.1, 0.2, 0.5, 0.1];
const HEALTHY: [f32; 5] = [0.9, 0.06, 0.02, 0.01, 0.01];
const NO_RISK: [f32; 3] = [0.9, 0.05, 0.05];

fn evidence(of: &Assessment) -> Evidence {
    serde_json::from_value(serde_json::to_value(of).unwrap()).unwrap()
}

#[test]
fn a_graded_photo_says_all_that_was_decided() {
    let manifest = manifest();
    let severe = graded(&manifest, SEVERE, [0.2, 0.5, 0.3]);
    assert_eq!(
        (severe.status, severe.grade),
        (Status::Graded, Some(Grade::Severe))
    );
    assert_eq!(severe.operating_point, Some(PointName::Screening));
    assert_eq!(severe.referable, Some(true));
    assert_eq!(severe.codes.referral, Some("refer"));
    assert_eq!(severe.sight_threatening, Some(true));
    assert_eq!(severe.codes.threat, Some("sight-threatening"));
    assert!(severe.threat.is_some());
    // The chance by the constant alone.
    let chance = 1.0 / (1.0 + 2f64.exp());
    assert!((severe.doubt_chance.unwrap() - chance).abs() < 1e-12);
    assert_eq!(severe.edema_referable, Some(true));
    assert_eq!(severe.codes.edema, Some("edema-possible"));
    assert_eq!(severe.edema_label.as_deref(), Some("80\u{a0}%"));
    assert!(severe.edema.contains("80\u{a0}%"), "{}", severe.edema);
    assert!(!severe.edema_alone);

    let alone = graded(&manifest, HEALTHY, [0.6, 0.2, 0.2]);
    assert!(alone.edema_alone && !alone.unsure);
    assert_eq!(alone.codes.referral, Some("refer-edema"));

    let headless = Manifest {
        edema: None,
        ..manifest
    };
    let healthy = graded(&headless, HEALTHY, NO_RISK);
    assert_eq!(healthy.referable, Some(false));
    assert_eq!(healthy.codes.referral, Some("no-referral"));
    assert_eq!(
        (healthy.edema_referable, healthy.edema_alone),
        (None, false)
    );
    assert_eq!(healthy.codes.edema, Some("edema-not-assessed"));
    assert_eq!(healthy.pictures, 1);
}

#[test]
fn deciding_again_is_deciding_at_once() {
    let manifest = manifest();
    let mut severe = graded(&manifest, SEVERE, NO_RISK);
    let specific = Lines::at(&manifest.thresholds, PointName::Specific).unwrap();
    let again = Decision::again(&manifest, &evidence(&severe), &specific).unwrap();
    severe.decide(&manifest, &specific);
    assert_eq!(severe.operating_point, Some(PointName::Specific));
    // 0.8 for moderate or worse is below this line: grade and referral are at odds.
    assert_eq!(severe.codes.referral, Some("refer-unsure"));
    assert_eq!(severe.referable, Some(again.referable));
    assert_eq!(severe.codes.referral, Some(again.codes.referral));
    assert_eq!(severe.referral, Some(again.referral));
    assert!(severe.unsure && again.unsure);
    assert_eq!(severe.codes.doubt, Some("unsure-near-line"));
    assert_eq!(again.codes.doubt, severe.codes.doubt);
    assert_eq!(severe.doubt, again.doubt);
    assert_eq!(severe.between, Some([Grade::Moderate, Grade::Severe]));
    assert_eq!(severe.between, again.between);
    assert_eq!(severe.follow_up, again.follow_up);
    assert_eq!((severe.sight_threatening, severe.threat), (None, None));
    // The risk of oedema refers again, and is not lost on the way.
    let alone = graded(&manifest, HEALTHY, [0.6, 0.2, 0.2]);
    let again = Decision::again(&manifest, &evidence(&alone), &specific).unwrap();
    assert!(again.referable && again.edema_alone);
    // One not at risk is not made so.
    let healthy = graded(&manifest, HEALTHY, NO_RISK);
    let again = Decision::again(&manifest, &evidence(&healthy), &specific).unwrap();
    assert!(!again.referable && !again.edema_alone);
    let headless = Manifest {
        edema: None,
        ..manifest.clone()
    };
    let of_none = evidence(&graded(&headless, HEALTHY, NO_RISK));
    let again = Decision::again(&headless, &of_none, &specific).unwrap();
    assert!(!again.referable && !again.edema_alone);
}

#[test]
fn what_these_lines_cannot_decide_keeps_its_decision() {
    let manifest = manifest();
    let lines = Lines::screening(&manifest.thresholds);
    let sound = evidence(&graded(&manifest, SEVERE, NO_RISK));
    assert!(Decision::again(&manifest, &sound, &lines).is_some());
    let mut changed: Vec<(&str, Evidence)> = Vec::new();
    let mut change = |what, alter: &dyn Fn(&mut Evidence)| {
        let mut evidence = sound.clone();
        alter(&mut evidence);
        changed.push((what, evidence));
    };
    change("another model's", &|it| it.model = "0".repeat(64));
    change("of other settings", &|it| {
        it.settings = Some("0".repeat(64));
    });
    change("of no settings", &|it| it.settings = None);
    change("ungraded", &|it| it.status = Status::Ungradable);
    change("without probabilities", &|it| it.probabilities = None);
    change("of four grades", &|it| {
        it.probabilities = Some(vec![0.25; 4]);
    });
    for odd in [-0.1, 1.1, f64::NAN] {
        change("of no probability", &|it| {
            it.probabilities = Some(vec![0.2, 0.2, 0.2, 0.2, odd]);
        });
        change("of no risk", &|it| {
            it.edema_probabilities = Some(vec![0.5, 0.5, odd]);
        });
    }
    change("of two risks", &|it| {
        it.edema_probabilities = Some(vec![0.5; 2]);
    });
    change("without the head's answer", &|it| {
        it.edema_probabilities = None;
    });
    for (what, evidence) in changed {
        assert_eq!(
            Decision::again(&manifest, &evidence, &lines),
            None,
            "{what}"
        );
    }
}

#[test]
fn a_bad_shot_counts_as_refer_and_what_is_no_retina_does_not() {
    let manifest = manifest();
    let time = Milliseconds::default();
    let blurred = Assessment::turned_away(&manifest, "cpu", Reason::Blurred, RETINA, time);
    let small = PhotoError::TooSmall {
        width: 50,
        height: 50,
        least: 90,
    };
    let small = Assessment::refused(&manifest, "cpu", &small, time);
    for bad in [&blurred, &small] {
        assert_eq!(bad.status, Status::Ungradable);
        assert_eq!(bad.referable, Some(true));
        assert_eq!(bad.codes.referral, Some("refer-unseen"));
    }
    assert_eq!(blurred.retina, Some(RETINA));
    let page = Assessment::turned_away(&manifest, "cpu", Reason::NotFundus, RETINA, time);
    let dark = Assessment::refused(&manifest, "cpu", &PhotoError::NoRetina, time);
    for none in [&page, &dark] {
        assert_eq!(none.status, Status::NotFundus);
        assert_eq!(none.retina, None);
    }
    let cut = Assessment::refused(&manifest, "cpu", &PhotoError::Truncated, time);
    assert_eq!(cut.status, Status::Error);
    for unread in [&page, &dark, &cut] {
        assert_eq!((unread.referable, unread.referral), (None, None));
    }
    for ungraded in [&blurred, &small, &page, &dark, &cut] {
        assert_eq!((ungraded.grade, &ungraded.probabilities), (None, &None));
        assert!(ungraded.error.is_some() && !ungraded.unsure && !ungraded.edema_alone);
        assert_eq!(ungraded.operating_point, None);
    }
}
