//! What keeps a measurement honest: no patient and no copy of a photo on two
//! sides, every grade on each, and the same split from the same seed.
#![cfg(feature = "train")]

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use fovea::bundle::sha256_hex;
use fovea::training::dataset::{self, Record, Source, grade_counts};
use fovea::training::duplicates;
use fovea::training::split::{Fractions, Part, Split, SplitError, groups, patients};

const USUAL: Fractions = Fractions {
    train: 0.7,
    validation: 0.15,
    test: 0.15,
};

fn photo(name: &str, grade: u8, patient: &str) -> Record {
    Record {
        dataset: "toy".into(),
        name: name.into(),
        source: Source::File(PathBuf::from(name)),
        grade,
        patient: patient.into(),
        edema: None,
    }
}

/// 200 patients with two eyes each, a fifth of each grade.
fn two_eyes() -> Vec<Record> {
    (0..400)
        .map(|i| {
            photo(
                &format!("{i:03}"),
                (i / 2 % 5) as u8,
                &format!("p{}", i / 2),
            )
        })
        .collect()
}

fn alone(records: &[Record]) -> Vec<usize> {
    (0..records.len()).collect()
}

fn draw(records: &[Record], seed: u64) -> Split {
    let group = groups(records, &alone(records));
    Split::draw(records, &group, USUAL, seed).expect("a split")
}

/// Photos of a MedMNIST archive: so many of each part, grades in turn.
fn archive(parts: &[(&str, usize)]) -> Vec<Record> {
    parts
        .iter()
        .flat_map(|&(part, count)| (0..count).map(move |i| (format!("{part}/{i}"), i)))
        .map(|(name, i)| photo(&name, (i % 5) as u8, &name))
        .collect()
}

#[test]
fn published_parts_stay_apart_and_the_rest_is_drawn_around_them() {
    // One data set with a test part and one without any.
    let mut records = two_eyes();
    let mut kept = vec![None; 400];
    for (i, record) in records.iter_mut().enumerate() {
        if i < 200 {
            record.dataset = "divided".into();
            let part = if i < 50 { Part::Test } else { Part::Train };
            kept[i] = Some(part);
        }
    }
    // A patient with an eye in each part, and a copy of a test photo in the other set.
    kept[60] = Some(Part::Test);
    let mut copies = alone(&records);
    copies[300] = 10;
    let group = groups(&records, &copies);
    let split = Split::draw_around(&kept, &records, &group, USUAL, 1).expect("a split");
    let test: HashSet<usize> = split.test.iter().copied().collect();
    assert!((0..50).chain([60, 61, 300, 301]).all(|i| test.contains(&i)));
    let beyond = test.iter().filter(|&&i| i < 200).count();
    assert_eq!(beyond, 52, "nothing more of it is drawn for testing");
    let count =
        |side: &[usize], low, high| side.iter().filter(|&&i| (low..high).contains(&i)).count();
    let validated = count(&split.validation, 0, 200);
    assert!((18..=26).contains(&validated), "{validated} of 148");
    for (side, share) in [
        (&split.train, 0.7),
        (&split.validation, 0.15),
        (&split.test, 0.15),
    ] {
        let found = count(side, 200, 400) as f64;
        assert!((found - share * 200.0).abs() <= 8.0, "{found} of {share}");
    }
    // With a part for validation nothing is drawn at all.
    kept[100..120].fill(Some(Part::Validation));
    let split = Split::draw_around(&kept, &records, &group, USUAL, 1).expect("a split");
    assert_eq!(count(&split.validation, 0, 200), 20);
    assert_eq!(count(&split.train, 0, 200), 128);
}

/// Published parts may share a copy; whoever is in two is kept for the later use.
#[test]
fn a_copy_in_two_published_parts_is_kept_for_testing() {
    let records: Vec<Record> = (0..6)
        .map(|i| photo(&format!("{i}"), 0, &format!("p{i}")))
        .collect();
    let (test, validation) = (Some(Part::Test), Some(Part::Validation));
    let kept = [test, validation, validation, test, validation, None];
    let group = groups(&records, &[0, 0, 2, 2, 4, 4]);
    let split = Split::draw_around(&kept, &records, &group, USUAL, 1).expect("a split");
    assert_eq!(split.test, [0, 1, 2, 3]);
    assert_eq!(split.validation, [4, 5]);
}

#[test]
fn an_archive_keeps_its_own_parts() {
    let published = |records: &[Record]| Split::published(records, &alone(records), 0.2, 1);
    let sizes = |split: &Split| Part::ALL.map(|part| split.part(part).len());

    let all = archive(&[("train", 100), ("val", 20), ("test", 40)]);
    assert_eq!(sizes(&published(&all).unwrap()), [100, 20, 40]);

    // Without a test part the other is for testing, and validation is drawn.
    let two = archive(&[("train", 100), ("val", 20)]);
    let split = published(&two).unwrap();
    assert_eq!(sizes(&split), [80, 20, 20]);
    assert!(split.test.iter().all(|&i| two[i].name.starts_with("val/")));
    let drawn: Vec<Record> = split.validation.iter().map(|&i| two[i].clone()).collect();
    assert_eq!(grade_counts(&drawn), [4; 5]);

    // Without one for validation, too, and the test part stays as it is.
    let tested = archive(&[("train", 100), ("test", 20)]);
    let split = published(&tested).unwrap();
    assert_eq!(sizes(&split), [80, 20, 20]);
    assert!(
        split
            .test
            .iter()
            .all(|&i| tested[i].name.starts_with("test/"))
    );

    assert!(published(&archive(&[("train", 10)])).is_err());
    assert!(published(&archive(&[("val", 10), ("test", 10)])).is_err());
    let fault = published(&two_eyes()).unwrap_err();
    assert!(fault.contains("MedMNIST"), "{fault}");
}

#[test]
fn photos_linked_through_patient_and_copy_are_one_group() {
    // a and b share a patient, b and c are copies, c and d share a patient.
    let records = [
        photo("a", 0, "p"),
        photo("b", 0, "p"),
        photo("c", 1, "q"),
        photo("d", 1, "q"),
        photo("e", 1, "r"),
    ];
    assert_eq!(groups(&records, &[0, 1, 1, 3, 4]), [0, 0, 0, 0, 4]);
}

#[test]
fn a_patient_of_one_data_set_is_not_that_of_another() {
    let mut records = [photo("a", 0, "10"), photo("b", 0, "10")];
    records[1].dataset = "other".into();
    assert_eq!(groups(&records, &[0, 1]), [0, 1]);
    assert_eq!(patients(&records), [0, 1]);
    records[1].dataset = "toy".into();
    assert_eq!(patients(&records), [0, 0]);
}

#[test]
fn every_photo_has_one_side_and_every_patient_too() {
    let records = two_eyes();
    let split = draw(&records, 1);
    let mut side = HashMap::new();
    let mut all = HashSet::new();
    for part in [Part::Train, Part::Validation, Part::Test] {
        for &i in split.part(part) {
            assert!(all.insert(i));
            assert_eq!(*side.entry(&records[i].patient).or_insert(part), part);
        }
    }
    assert_eq!(all.len(), records.len());
}

#[test]
fn each_grade_is_divided_alike() {
    let records = two_eyes();
    let split = draw(&records, 1);
    for (part, photos) in [(Part::Train, 56), (Part::Validation, 12), (Part::Test, 12)] {
        let of_part: Vec<Record> = split
            .part(part)
            .iter()
            .map(|&i| records[i].clone())
            .collect();
        for count in grade_counts(&of_part) {
            assert!(
                count.abs_diff(photos) <= 2,
                "{part:?}: {count} for {photos}"
            );
        }
    }
}

#[test]
fn the_seed_alone_decides() {
    let records = two_eyes();
    assert_eq!(draw(&records, 1), draw(&records, 1));
    assert_ne!(draw(&records, 1).train, draw(&records, 2).train);
    let mut reversed = records.clone();
    reversed.reverse();
    let names = |records: &[Record]| -> HashSet<String> {
        let split = draw(records, 1);
        split
            .train
            .iter()
            .map(|&i| records[i].name.clone())
            .collect()
    };
    assert_eq!(names(&records), names(&reversed));
}

/// A split that was published has to come out again in years: who is where follows
/// from this rule, and not from a library's random numbers.
#[test]
fn groups_are_divided_in_the_order_of_a_hash_of_seed_and_name() {
    // Ten patients, the eye that comes second by name listed first.
    let records: Vec<Record> = (0..10)
        .flat_map(|i| ["right", "left"].map(|side| (i, side)))
        .map(|(i, side)| photo(&format!("{i}_{side}"), 0, &format!("p{i}")))
        .collect();
    let seed = 7u64;
    let hash = |patient: &usize| {
        let mut bytes = seed.to_le_bytes().to_vec();
        bytes.extend(format!("toy\0{patient}_left").into_bytes());
        sha256_hex(&bytes)
    };
    let mut patients: Vec<usize> = (0..10).collect();
    patients.sort_by_key(hash);
    let fractions = Fractions {
        train: 0.5,
        validation: 0.3,
        test: 0.2,
    };
    let group = groups(&records, &alone(&records));
    let split = Split::draw(&records, &group, fractions, seed).expect("a split");
    for (side, patients) in [
        (&split.train, &patients[..5]),
        (&split.validation, &patients[5..8]),
        (&split.test, &patients[8..]),
    ] {
        let mut eyes: Vec<usize> = patients.iter().flat_map(|p| [2 * p, 2 * p + 1]).collect();
        eyes.sort_unstable();
        assert_eq!(*side, eyes);
    }
}

#[test]
fn a_patient_counts_by_the_worse_eye_when_grades_are_divided_alike() {
    let records: Vec<Record> = (0..80)
        .map(|i| {
            let worse = i % 2 == 1 && i < 40;
            photo(
                &format!("{i:02}"),
                if worse { 4 } else { 0 },
                &format!("p{}", i / 2),
            )
        })
        .collect();
    for seed in 0..5 {
        let split = draw(&records, seed);
        let side: Vec<Record> = split.train.iter().map(|&i| records[i].clone()).collect();
        // 14 of the 20 patients with a grade 4, and of those without any.
        assert_eq!(grade_counts(&side), [42, 0, 0, 0, 14]);
    }
}

#[test]
fn without_a_test_side_nothing_lands_there() {
    let records = two_eyes();
    let fractions = Fractions {
        train: 0.8,
        validation: 0.2,
        test: 0.0,
    };
    let split = Split::draw(&records, &alone(&records), fractions, 3).expect("a split");
    assert!(split.test.is_empty());
    assert_eq!(split.validation.len(), 80);
}

#[test]
fn parts_that_make_no_whole_are_refused() {
    let records = two_eyes();
    for train in [0.9, 0.0, -0.1, f64::NAN] {
        let fractions = Fractions { train, ..USUAL };
        let drawn = Split::draw(&records, &alone(&records), fractions, 1);
        assert!(
            matches!(drawn, Err(SplitError::Fractions { .. })),
            "{train}"
        );
    }
    // Less than a whole, and what sums to one all the same.
    for [train, validation, test] in [
        [0.5, 0.2, 0.1],
        [0.0, 0.5, 0.5],
        [1.2, -0.2, 0.0],
        [1.2, 0.0, -0.2],
    ] {
        let fractions = Fractions {
            train,
            validation,
            test,
        };
        let drawn = Split::draw(&records, &alone(&records), fractions, 1);
        assert!(drawn.is_err(), "{fractions:?}");
    }
}

#[test]
fn smaller_training_subsets_lie_inside_larger_ones() {
    let records = two_eyes();
    let split = draw(&records, 1);
    let mut larger: HashSet<usize> = split.train.iter().copied().collect();
    for percent in [100, 80, 60, 40, 20, 10] {
        let subset = split.training_subset(&records, f64::from(percent) / 100.0, 5);
        let expected = split.train.len() * percent as usize / 100;
        assert!(
            subset.len().abs_diff(expected) <= 5,
            "{percent} %: {}",
            subset.len()
        );
        let subset: HashSet<usize> = subset.into_iter().collect();
        assert!(subset.is_subset(&larger), "{percent} %");
        let patients: HashSet<_> = subset.iter().map(|&i| &records[i].patient).collect();
        assert_eq!(patients.len() * 2, subset.len(), "whole patients");
        larger = subset;
    }
}

#[test]
fn every_training_photo_is_held_out_of_one_fold_with_its_patient() {
    let records = two_eyes();
    let split = draw(&records, 1);
    let folds = split.folds(&records, 4, 7);
    assert_eq!(folds.len(), 4);
    let mut held_out: Vec<usize> = Vec::new();
    for fold in &folds {
        let answered: HashSet<_> = fold
            .validation
            .iter()
            .map(|&i| &records[i].patient)
            .collect();
        assert!(
            fold.train
                .iter()
                .all(|&i| !answered.contains(&records[i].patient))
        );
        assert_eq!(fold.train.len() + fold.validation.len(), split.train.len());
        let aside: HashSet<usize> = fold.test.iter().copied().collect();
        assert!(
            split
                .validation
                .iter()
                .chain(&split.test)
                .all(|i| aside.contains(i)),
            "what the split keeps aside is aside in every fold"
        );
        let of_each = grade_counts(
            &fold
                .validation
                .iter()
                .map(|&i| records[i].clone())
                .collect::<Vec<_>>(),
        );
        // 28 patients a grade in four folds, two eyes each.
        assert!(
            of_each.iter().all(|&count| (12..=16).contains(&count)),
            "{of_each:?}"
        );
        held_out.extend(&fold.validation);
    }
    held_out.sort_unstable();
    assert_eq!(held_out, split.train);
}

#[test]
fn a_split_comes_back_from_its_file() {
    let records = two_eyes();
    let split = draw(&records, 1);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("split.csv");
    split.write(&records, &path).expect("written");
    assert_eq!(Split::read(&records, &path).expect("read"), split);
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1);
}

#[test]
fn another_jobs_unfinished_split_is_not_in_the_way() {
    let records = two_eyes();
    let split = draw(&records, 1);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("split.csv");
    // What cannot be written over, as another's file may be gone under its name.
    std::fs::create_dir(dir.path().join("split.csv.partial")).expect("a folder");
    split.write(&records, &path).expect("written");
    assert_eq!(Split::read(&records, &path).expect("read"), split);
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_every_reason() {
    let records = [
        photo("a", 0, "p"),
        photo("b", 0, "p"),
        photo("c", 0, "q"),
        photo("d", 0, "d"),
    ];
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("split.csv");
    std::fs::write(
        &path,
        "image,dataset,part,group\na,toy,train,0\nb,toy,test,0\nc,toy,nowhere,2\nx,toy,train,3\n\
         y,elsewhere,train,4\nd,toy,test,5\nd,toy,test,5\n",
    )
    .expect("a file");
    let error = Split::read(&records, &path)
        .expect_err("refused")
        .to_string();
    for reason in [
        "split.csv:3: group 0 is in test here and in train at line 2",
        "split.csv:4: the row is not",
        "split.csv:5: “x” is not among the photos of toy",
        "split.csv:8: “d” is listed twice",
        "“c” of toy has no row",
        "patient p of toy is in train and in test",
    ] {
        assert!(error.contains(reason), "{reason}\n{error}");
    }
    assert!(!error.contains("elsewhere"), "{error}");
}

#[test]
fn a_file_with_a_row_for_every_photo_is_refused_where_a_patient_is_on_two_sides() {
    let records = [photo("a", 0, "p"), photo("b", 0, "p"), photo("c", 0, "q")];
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("split.csv");
    let read = |rows: &str| {
        std::fs::write(&path, format!("image,dataset,part,group\n{rows}")).expect("a file");
        Split::read(&records, &path)
    };
    // Rows in any order.
    let sound = read("c,toy,test,2\nb,toy,train,0\na,toy,train,0\n").expect("a split");
    assert_eq!((&sound.train[..], &sound.test[..]), (&[0, 1][..], &[2][..]));
    let patient = read("a,toy,train,0\nb,toy,test,1\nc,toy,test,2\n");
    let group = read("a,toy,train,0\nb,toy,train,0\nc,toy,test,0\n");
    for (refused, reason) in [(patient, "patient p of toy"), (group, "group 0 is in test")] {
        let error = refused.expect_err("refused").to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn copies_in_aptos_are_found_and_kept_together() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/aptos2019");
    if !shared.exists() {
        eprintln!("skipped: ../shared is absent");
        return;
    }
    let read = dataset::read(&shared).expect("a good data set");
    let found = duplicates::find(&read.records, |_| {}).expect("readable photos");
    assert_eq!(
        found
            .identical
            .iter()
            .map(|set| set.len() - 1)
            .sum::<usize>(),
        128
    );
    let named = |name: &str| {
        read.records
            .iter()
            .position(|r| r.name == name)
            .expect(name)
    };
    // Saved again with a grade of its own: no byte for byte copy.
    let (a, b) = (named("b019a49787c1.jpg"), named("e1fb532f55df.jpg"));
    assert_eq!(found.group[a], found.group[b]);
    // The closest pair of different eyes.
    let (a, b) = (named("61a62b1dcc36.jpg"), named("80ed04a84a16.jpg"));
    assert_ne!(found.group[a], found.group[b]);
    assert!(!found.conflicting.is_empty());

    let group = groups(&read.records, &found.group);
    let split = Split::draw(&read.records, &group, USUAL, 0).expect("a split");
    let train: HashSet<_> = split.train.iter().map(|&i| group[i]).collect();
    assert!(split.validation.iter().all(|&i| !train.contains(&group[i])));
    assert!(split.test.iter().all(|&i| !train.contains(&group[i])));
}
