//! The retina is found wherever a camera, or an earlier resize, put it.

mod photo_support;

use fovea::photo::{
    Cut, DecodeLimits, LocalMean, PhotoError, Preprocessing, Retina, around, decode, find, prepare,
    thumbnail, to_tensor,
};
use image::{Rgb, RgbImage, imageops};
use photo_support::{Scene, grainy, shared_photos};

/// Centre and radii within `part` of the radius.
fn assert_found(scene: &Scene, part: f32) -> Retina {
    let found = find(&scene.draw()).expect("a retina is found");
    let tolerance = part * scene.rx.max(scene.ry);
    for (what, value, expected) in [
        ("centre x", found.center_x, scene.x),
        ("centre y", found.center_y, scene.y),
        ("radius x", found.radius_x, scene.rx),
        ("radius y", found.radius_y, scene.ry),
    ] {
        assert!(
            (value - expected).abs() <= tolerance,
            "{what} is {value}, not {expected}, in {scene:?}"
        );
    }
    found
}

const WHOLE: Cut = Cut {
    left: false,
    right: false,
    top: false,
    bottom: false,
};

#[test]
fn a_whole_circle() {
    for (width, height, radius) in [(900, 700, 320.0), (224, 224, 100.0), (2400, 2000, 950.0)] {
        let found = assert_found(&Scene::whole(width, height, radius), 0.01);
        assert_eq!(found.cut, WHOLE);
    }
}

/// It lights less than half of the frame's middle, or none of it.
#[test]
fn a_small_circle_in_a_large_frame() {
    for (width, height, radius) in [
        (1200, 900, 170.0),
        (1200, 900, 135.0),
        (1600, 900, 150.0),
        (1000, 1000, 120.0),
    ] {
        let scene = Scene::whole(width, height, radius);
        assert_eq!(assert_found(&scene, 0.03).cut, WHOLE);
        let aside = Scene {
            x: 1.2 * radius,
            y: 1.3 * radius,
            ..scene
        };
        assert_found(&aside, 0.03);
    }
}

/// Of two, as a clinic's program may put a patient's eyes into one picture, one alone
/// would be graded and nothing said.
#[test]
fn two_retinas_in_one_picture_are_refused() {
    let eyes = [
        Scene::whole(500, 400, 190.0),
        Scene::whole(400, 300, 175.0), // cut above and below
        Scene::whole(300, 300, 100.0),
    ];
    for scene in eyes {
        let eye = scene.draw();
        let (width, height) = eye.dimensions();
        let mut beside = RgbImage::new(2 * width, height);
        imageops::replace(&mut beside, &eye, 0, 0);
        let other = imageops::flip_horizontal(&eye);
        imageops::replace(&mut beside, &other, i64::from(width), 0);
        let mut above = RgbImage::new(width, 2 * height);
        imageops::replace(&mut above, &eye, 0, 0);
        imageops::replace(&mut above, &other, 0, i64::from(height));
        let mut framed = RgbImage::new(2 * width + 60, height + 80);
        imageops::replace(&mut framed, &eye, 0, 40);
        imageops::replace(&mut framed, &other, i64::from(width) + 60, 40);
        for picture in [beside, above, framed] {
            assert_eq!(find(&picture), Err(PhotoError::SeveralRetinas), "{scene:?}");
        }
    }
    // One in a frame as long is one, wherever it is, and so is one in part of it.
    for x in [190.0, 260.0, 500.0, 700.0] {
        let one = Scene {
            x,
            ..Scene::whole(1000, 400, 180.0)
        };
        let (across, upright) = (one.draw(), imageops::rotate90(&one.draw()));
        assert!(find(&across).is_ok() && find(&upright).is_ok(), "{x}");
    }
    let frameless = Scene::whole(1000, 400, 800.0);
    assert!(find(&frameless.draw()).is_ok());
}

#[test]
fn a_circle_cut_above_and_below() {
    let found = assert_found(&Scene::whole(1000, 660, 410.0), 0.012);
    let expected = Cut {
        top: true,
        bottom: true,
        ..WHOLE
    };
    assert_eq!(found.cut, expected);
}

#[test]
fn a_circle_off_centre_and_cut_on_one_side() {
    let found = assert_found(
        &Scene {
            x: 380.0,
            y: 300.0,
            ..Scene::whole(1000, 660, 280.0)
        },
        0.01,
    );
    assert_eq!(found.cut, WHOLE);
    let found = assert_found(
        &Scene {
            x: 250.0,
            ..Scene::whole(1000, 700, 320.0)
        },
        0.012,
    );
    assert_eq!(
        found.cut,
        Cut {
            left: true,
            ..WHOLE
        }
    );
    let (right, bottom) = (
        Scene {
            x: 750.0,
            ..Scene::whole(1000, 700, 320.0)
        },
        Scene {
            y: 750.0,
            ..Scene::whole(700, 1000, 320.0)
        },
    );
    let cut = Cut {
        right: true,
        ..WHOLE
    };
    assert_eq!(assert_found(&right, 0.012).cut, cut);
    let cut = Cut {
        bottom: true,
        ..WHOLE
    };
    assert_eq!(assert_found(&bottom, 0.012).cut, cut);
}

/// A patch on black; what is not round is taken by its own extent.
fn patch(holds: impl Fn(u32, u32) -> bool) -> RgbImage {
    RgbImage::from_fn(640, 480, |x, y| match holds(x, y) {
        true => Rgb([190, 100, 40]),
        false => Rgb([2, 2, 2]),
    })
}

#[test]
fn a_patch_without_a_round_rim_is_as_large_as_it_is_seen() {
    let within = |at: u32, from: u32, to: u32| (from..to).contains(&at);
    let found = find(&patch(|x, y| within(x, 100, 400) && within(y, 120, 360)));
    let found = found.expect("a retina is found");
    for (value, expected) in [
        (found.center_x, 250.0),
        (found.center_y, 240.0),
        (found.radius_x, 150.0),
        (found.radius_y, 120.0),
    ] {
        assert!((value - expected).abs() < 3.0, "{found:?}");
    }
    // No retina is twice as long as it is wide, or a cross.
    let wide = patch(|x, y| within(x, 80, 560) && within(y, 140, 340));
    let tall = patch(|x, y| within(x, 250, 420) && within(y, 40, 440));
    let cross = |x, y| within(x, 280, 360) || within(y, 200, 280);
    let cross = patch(|x, y| cross(x, y) && within(x, 140, 490) && within(y, 65, 415));
    for (nothing, what) in [(wide, "wide"), (tall, "tall"), (cross, "cross")] {
        assert_eq!(find(&nothing), Err(PhotoError::NoRetina), "{what}");
    }
}

#[test]
fn only_colours_of_an_eye_fill_a_frame() {
    let textured = |colour: [f32; 3]| {
        RgbImage::from_fn(300, 200, |x, y| {
            let shade = 0.7 + 0.3 * ((x as f32 / 23.0).sin() * (y as f32 / 31.0).cos());
            Rgb(colour.map(|level| (level * shade) as u8))
        })
    };
    let found = find(&textured([220.0, 150.0, 100.0])).expect("a retina is found");
    let half = 300f32.hypot(200.0) / 2.0;
    let close = |value: f32, expected: f32| (value - expected).abs() < 1.0;
    assert!(close(found.center_x, 150.0) && close(found.center_y, 100.0));
    assert!(close(found.radius_x, half) && close(found.radius_y, half));
    let all = [
        found.cut.left,
        found.cut.right,
        found.cut.top,
        found.cut.bottom,
    ];
    assert_eq!(all, [true; 4]);
    // Grey, grass, and the purple of a stained slide.
    for colour in [[200.0; 3], [120.0, 180.0, 90.0], [220.0, 130.0, 200.0]] {
        assert_eq!(find(&textured(colour)), Err(PhotoError::NoRetina));
    }
}

#[test]
fn where_nothing_of_the_photo_lies_there_is_no_view() {
    let photo = grainy(300, 200);
    let at = |center_x: f32, center_y: f32| Retina {
        center_x,
        center_y,
        radius_x: 50.0,
        radius_y: 50.0,
        cut: WHOLE,
    };
    assert!(around(&photo, &at(150.0, 100.0), 64, 30.0).is_ok());
    for (x, y) in [
        (-100.0, 100.0),
        (400.0, 100.0),
        (150.0, -100.0),
        (150.0, 300.0),
    ] {
        let nothing = around(&photo, &at(x, y), 64, 30.0);
        assert_eq!(nothing, Err(PhotoError::NoRetina), "({x}, {y})");
    }
}

#[test]
fn a_dark_grey_noisy_ground() {
    for ground in [15.0, 30.0, 45.0] {
        assert_found(
            &Scene {
                ground,
                noise: 14.0,
                ..Scene::whole(900, 700, 320.0)
            },
            0.015,
        );
    }
}

#[test]
fn an_underexposed_retina() {
    assert_found(
        &Scene {
            exposure: 0.25,
            ..Scene::whole(900, 700, 320.0)
        },
        0.015,
    );
}

#[test]
fn a_retina_in_red_free_light() {
    let scene = Scene::whole(900, 700, 320.0);
    let mut photo = scene.draw();
    for pixel in photo.pixels_mut() {
        let [_, green, blue] = pixel.0;
        pixel.0 = [0, green, blue / 2];
    }
    let found = find(&photo).expect("a retina is found");
    for (value, expected) in [
        (found.center_x, scene.x),
        (found.center_y, scene.y),
        (found.radius_x, scene.rx),
        (found.radius_y, scene.ry),
    ] {
        assert!((value - expected).abs() < 5.0, "{found:?}");
    }
}

#[test]
fn a_circle_squashed_to_an_ellipse() {
    // 4:3 and 3:2 frames brought to a square, whole and cut above and below.
    for (aspect, radius) in [
        (4.0 / 3.0, 80.0),
        (1.5, 76.0),
        (4.0 / 3.0, 108.0),
        (1.5, 106.0),
    ] {
        assert_found(
            &Scene {
                rx: radius,
                ry: radius * aspect,
                ..Scene::whole(224, 224, radius)
            },
            0.025,
        );
    }
}

#[test]
fn a_retina_that_fills_the_frame() {
    // The corners alone are dark: cropped to the circle's box, or closer.
    assert_found(&Scene::whole(600, 600, 300.0), 0.012);
    assert_found(&Scene::whole(600, 600, 370.0), 0.02);
    // No rim at all: a disc that loses nothing.
    let found = find(&Scene::whole(600, 500, 900.0).draw()).expect("a retina is found");
    assert!(
        found.radius_x >= 380.0 && found.radius_y >= 380.0,
        "{found:?}"
    );
    assert!((found.center_x - 300.0).abs() < 12.0, "{found:?}");
    assert!((found.center_y - 250.0).abs() < 12.0, "{found:?}");
}

#[test]
fn captions_in_one_corner_or_two_do_not_count() {
    let scene = Scene::whole(900, 700, 320.0);
    let corners = [(0, 0), (750, 0), (0, 640), (750, 640)];
    for first in corners {
        for second in corners {
            let mut photo = scene.draw();
            for (left, top) in [first, second] {
                for (x, y) in (0..150).flat_map(|x| (0..60).map(move |y| (x, y))) {
                    if (x / 6 + y / 9) % 2 == 0 {
                        photo.put_pixel(left + x, top + y, Rgb([255, 255, 255]));
                    }
                }
            }
            let found = find(&photo).expect("a retina is found");
            assert!((found.center_x - scene.x).abs() < 4.0, "{found:?}");
            assert!((found.radius_x - scene.rx).abs() < 5.0, "{found:?}");
        }
    }
}

#[test]
fn nothing_to_find() {
    for colour in [[0, 0, 0], [128, 128, 128], [255, 255, 255], [200, 100, 40]] {
        let picture = RgbImage::from_pixel(400, 300, Rgb(colour));
        assert_eq!(find(&picture), Err(PhotoError::NoRetina), "{colour:?}");
    }
    let dark = Scene {
        exposure: 0.0,
        ..Scene::whole(400, 300, 140.0)
    };
    assert_eq!(find(&dark.draw()), Err(PhotoError::NoRetina));
}

#[test]
fn the_disc_is_centred_and_its_ground_black() {
    let settings = Preprocessing::imagenet(224);
    for scene in [
        Scene::whole(900, 700, 320.0),
        Scene {
            ground: 40.0,
            noise: 12.0,
            x: 350.0,
            ..Scene::whole(900, 700, 300.0)
        },
        Scene {
            rx: 80.0,
            ry: 107.0,
            ..Scene::whole(224, 224, 80.0)
        },
    ] {
        let prepared = prepare(&scene.draw(), &settings).expect("prepared");
        let picture = &prepared.picture;
        assert_eq!(picture.dimensions(), (224, 224));
        let lit = |x: u32, y: u32| picture.get_pixel(x, y).0[0] > 70;
        for (x, y) in [
            (112, 6),
            (112, 217),
            (6, 112),
            (217, 112),
            (36, 36),
            (187, 187),
        ] {
            assert!(lit(x, y), "({x}, {y}) is retina in {scene:?}");
        }
        for (x, y) in [(0, 0), (223, 0), (0, 223), (223, 223), (28, 28), (195, 195)] {
            assert_eq!(
                picture.get_pixel(x, y).0,
                [0, 0, 0],
                "({x}, {y}) in {scene:?}"
            );
        }
        // The optic disc is where the scene has it.
        let (x, y) = (112 + (0.55 * 112.0) as u32, 112);
        assert!(picture.get_pixel(x, y).0[1] > 130, "{scene:?}");
    }
}

#[test]
fn squashing_a_photo_does_not_change_what_is_prepared() {
    let round = Scene::whole(672, 448, 260.0).draw();
    let squashed =
        image::imageops::resize(&round, 448, 448, image::imageops::FilterType::CatmullRom);
    let settings = Preprocessing::imagenet(224);
    let a = prepare(&round, &settings).expect("prepared").picture;
    let b = prepare(&squashed, &settings).expect("prepared").picture;
    let apart: f32 = a
        .iter()
        .zip(b.iter())
        .map(|(x, y)| f32::from(x.abs_diff(*y)))
        .sum::<f32>()
        / a.len() as f32;
    assert!(apart < 4.0, "{apart} levels apart in the mean");
}

#[test]
fn a_point_of_the_picture_is_found_again_in_the_photo() {
    let scene = Scene {
        x: 400.0,
        rx: 300.0,
        ry: 225.0,
        ..Scene::whole(900, 700, 300.0)
    };
    for margin in [0.0, 0.1, -0.1] {
        let settings = Preprocessing {
            margin,
            ..Preprocessing::imagenet(200)
        };
        let prepared = prepare(&scene.draw(), &settings).expect("prepared");
        let near = |(x, y): (f32, f32), (u, v): (f32, f32)| {
            assert!(
                (x - u).abs() < 4.0 && (y - v).abs() < 4.0,
                "({x}, {y}), not ({u}, {v})"
            );
        };
        near(prepared.to_photo(100.0, 100.0), (400.0, 350.0));
        let rim = 100.0 + 100.0 / (1.0 + margin);
        near(prepared.to_photo(rim, 100.0), (700.0, 350.0));
        near(prepared.to_photo(100.0, rim), (400.0, 575.0));
    }
}

#[test]
fn a_margin_leaves_room_around_the_disc() {
    let settings = Preprocessing {
        margin: 0.25,
        ..Preprocessing::imagenet(200)
    };
    let prepared = prepare(&Scene::whole(900, 700, 320.0).draw(), &settings).expect("prepared");
    assert_eq!(prepared.picture.get_pixel(100, 17).0, [0, 0, 0]);
    assert!(prepared.picture.get_pixel(100, 26).0[0] > 70);
}

#[test]
fn the_tensor_is_planar_and_normalised() {
    let settings = Preprocessing {
        mean: [0.5, 0.25, 0.0],
        std: [0.5, 0.25, 1.0],
        ..Preprocessing::imagenet(8)
    };
    let mut picture = RgbImage::new(8, 8);
    picture.put_pixel(3, 1, Rgb([255, 255, 51]));
    let tensor = to_tensor(&picture, &settings);
    assert_eq!(tensor.len(), 3 * 64);
    let at = 8 + 3;
    assert_eq!(tensor[at], 1.0);
    assert_eq!(tensor[64 + at], 3.0);
    assert!((tensor[128 + at] - 0.2).abs() < 1e-6);
    assert_eq!([tensor[0], tensor[64], tensor[128]], [-1.0, -1.0, 0.0]);
}

/// The range that every network from torchvision was trained in.
#[test]
fn colours_are_scaled_as_torchvisions_weights_were_trained() {
    let settings = Preprocessing::imagenet(8);
    let of = |level: u8| to_tensor(&RgbImage::from_pixel(8, 8, Rgb([level; 3])), &settings);
    let (black, white) = (of(0), of(255));
    for (plane, (low, high)) in [(-2.1179, 2.2489), (-2.0357, 2.4286), (-1.8044, 2.64)]
        .into_iter()
        .enumerate()
    {
        assert!((black[plane * 64] - low).abs() < 1e-4);
        assert!((white[plane * 64] - high).abs() < 1e-4);
    }
}

#[test]
fn the_local_mean_goes_and_what_differs_from_it_stays() {
    let scene = Scene {
        noise: 0.0,
        ..Scene::whole(900, 660, 400.0) // cut above and below
    };
    let mut photo = scene.draw();
    for y in 320..326 {
        for x in 250..256 {
            photo.put_pixel(x, y, Rgb([90, 30, 20]));
        }
    }
    let settings = Preprocessing {
        local_mean: Some(LocalMean::default()),
        ..Preprocessing::imagenet(224)
    };
    let picture = prepare(&photo, &settings).expect("prepared").picture;
    let green = |x: u32, y: u32| picture.get_pixel(x, y).0[1];
    // Evenly lit retina comes to mid grey, also beside the frame's cut.
    for (x, y) in [(80, 60), (112, 180), (112, 24), (150, 160)] {
        assert!(
            green(x, y).abs_diff(128) < 12,
            "({x}, {y}) is {}",
            green(x, y)
        );
    }
    // The lesion stands out: photo pixel (253, 323) in the picture's own.
    let x = (112.0 + (253.0 - 450.0) * 112.0 / 400.0) as u32;
    assert!(green(x, 110) < 60, "{}", green(x, 110));
    // Black: what lies round the disc, what the frame cut off, and the rim itself.
    for (x, y) in [(1, 1), (112, 10), (112, 214), (1, 112), (222, 112)] {
        assert_eq!(picture.get_pixel(x, y).0, [0, 0, 0], "({x}, {y})");
    }
    assert_ne!(picture.get_pixel(6, 112).0, [0, 0, 0]);
}

#[test]
fn the_local_mean_is_a_gaussian_s_as_wide_as_its_setting() {
    // A retina whose right half is lighter by 40 levels.
    let photo = RgbImage::from_fn(900, 900, |x, y| {
        let away = (x as f32 - 449.5).hypot(y as f32 - 449.5);
        let level = if x < 450 { 100 } else { 140 };
        Rgb([if away < 430.0 { level } else { 2 }; 3])
    });
    let sigma = 0.08;
    let settings = Preprocessing {
        local_mean: Some(LocalMean {
            sigma,
            gain: 3.0,
            mid: 120.0,
        }),
        ..Preprocessing::imagenet(300)
    };
    let picture = prepare(&photo, &settings).expect("prepared").picture;
    // Of a step, a Gaussian's mean is its integral: 3 x 40 x Phi(-d / sigma) is left.
    for (pixels, left) in [(6, 0.3085), (12, 0.1587), (24, 0.0228), (60, 0.0)] {
        let levels =
            [150 + pixels, 149 - pixels].map(|x| f32::from(picture.get_pixel(x, 150).0[0]));
        let expected = 120.0 * left;
        assert!(
            (levels[0] - 120.0 - expected).abs() < 4.0,
            "{pixels}: {levels:?}"
        );
        assert!(
            (120.0 - levels[1] - expected).abs() < 4.0,
            "{pixels}: {levels:?}"
        );
    }
    let usual = LocalMean::default();
    assert_eq!(
        (usual.sigma, usual.gain, usual.mid),
        (1.0 / 30.0, 4.0, 128.0)
    );
}

#[test]
fn settings_travel_as_json_and_are_checked() {
    let settings = Preprocessing {
        local_mean: Some(LocalMean::default()),
        ..Preprocessing::imagenet(320)
    };
    let json = serde_json::to_string(&settings).expect("written");
    let read: Preprocessing = serde_json::from_str(&json).expect("read");
    assert_eq!(read, settings);
    assert!(settings.validate().is_ok());
    let unknown = json.replacen("\"size\"", "\"shape\":1,\"size\"", 1);
    assert!(serde_json::from_str::<Preprocessing>(&unknown).is_err());

    let wrong: [fn(&mut Preprocessing); 7] = [
        |s| s.size = 0,
        |s| s.size = 1_000_000,
        |s| s.margin = f32::NAN,
        |s| s.std[1] = 0.0,
        |s| s.mean[2] = f32::INFINITY,
        |s| s.local_mean.as_mut().expect("set").sigma = 0.0,
        |s| s.local_mean.as_mut().expect("set").gain = f32::NAN,
    ];
    let photo = Scene::whole(300, 300, 140.0).draw();
    for (number, spoil) in wrong.iter().enumerate() {
        let mut spoilt = settings.clone();
        spoil(&mut spoilt);
        let error = prepare(&photo, &spoilt).expect_err("refused");
        assert_eq!(error.code(), "settings", "setting {number}");
    }
}

#[test]
fn a_thumbnail_keeps_its_proportions() {
    assert_eq!(thumbnail(&grainy(400, 300), 100).dimensions(), (100, 75));
    assert_eq!(thumbnail(&grainy(300, 400), 100).dimensions(), (75, 100));
    assert_eq!(thumbnail(&grainy(40, 30), 100), grainy(40, 30));
    assert_eq!(thumbnail(&grainy(3000, 2), 100).dimensions(), (100, 1));
    assert_eq!(thumbnail(&grainy(30, 20), 0).dimensions(), (1, 1));
}

/// Real photographs: every fifteenth of each set.
#[test]
fn retinas_are_found_in_real_photographs() {
    // Squashed to a square by up to 3:2, or left round.
    let sets = [
        ("aptos2019/images", 0.97..1.62),
        ("idrid/images", 0.97..1.03),
        ("idrid-lesions/images", 0.97..1.03),
        ("eyepacs/images", 0.97..1.03),
    ];
    for (folder, aspects) in sets {
        let Some(photos) = shared_photos(folder) else {
            return;
        };
        let (mut seen, mut found, mut plausible) = (0, 0, 0);
        for path in photos.iter().step_by(15) {
            let bytes = std::fs::read(path).expect("readable");
            let photo = decode(&bytes, &DecodeLimits::default())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            seen += 1;
            if let Ok(retina) = find(&photo) {
                found += 1;
                let aspect = retina.radius_y / retina.radius_x;
                plausible += usize::from(aspects.contains(&aspect));
            }
        }
        assert!(seen > 0, "{folder} is empty");
        assert!(
            found * 100 >= seen * 99,
            "{folder}: {found} of {seen} found"
        );
        assert!(
            plausible * 100 >= seen * 98,
            "{folder}: {plausible} of {seen} of a plausible shape"
        );
    }
}

#[test]
fn the_camera_s_own_photographs_are_prepared() {
    let Some(photos) = shared_photos("idrid-fullsize") else {
        return;
    };
    for path in photos {
        let bytes = std::fs::read(&path).expect("readable");
        let begin = std::time::Instant::now();
        let photo = decode(&bytes, &DecodeLimits::default()).expect("decoded");
        let decoded = begin.elapsed();
        let prepared = prepare(&photo, &Preprocessing::imagenet(224)).expect("prepared");
        println!(
            "{}: {} x {}, decoded in {:.0} ms, prepared in {:.0} ms",
            path.file_name().unwrap_or_default().display(),
            photo.width(),
            photo.height(),
            decoded.as_secs_f64() * 1e3,
            (begin.elapsed() - decoded).as_secs_f64() * 1e3,
        );
        // The set's 45 degree field is 3,400 pixels across.
        assert!((prepared.retina.radius_x - 1704.0).abs() < 25.0);
        assert!(prepared.retina.cut.top && prepared.retina.cut.bottom);
    }
}
