//! What a map says and what it does not, in sentences that go wherever one is
//! shown.

use super::{Map, Method, Target};

/// What a Grad-CAM shows.
pub fn grad_cam(target: Target) -> String {
    format!(
        "Bright where the network’s evidence for {} lay; clear where it found none.",
        target.words()
    )
}

/// What the second picture beside a photo is.
pub const BESIDE: &str = "Beside each photo, as the network saw it: the same under a map, bright \
                          where the evidence for the grade it gave lay.";

/// What a map of this method shows.
pub fn shows(method: Method, target: Target) -> String {
    match method {
        Method::GradCam => grad_cam(target),
        Method::Occlusion => occlusion(target),
    }
}

/// What an occlusion map shows.
pub fn occlusion(target: Target) -> String {
    format!(
        "Bright where covering the picture with grey took the most away from {}.",
        target.words()
    )
}

/// Where the brightest place lies, as a code that a page can translate: `empty`,
/// `middle`, `top`, `upper-left` and so on.
pub fn place_code(map: &Map) -> &'static str {
    let Some((x, y)) = map.peak() else {
        return "empty";
    };
    let third = |at: f32| (at * 3.0) as usize;
    match (third(x), third(y)) {
        (1, 1) => "middle",
        (0, 0) => "upper-left",
        (1, 0) => "top",
        (_, 0) => "upper-right",
        (0, 1) => "left",
        (_, 1) => "right",
        (0, _) => "lower-left",
        (1, _) => "bottom",
        _ => "lower-right",
    }
}

/// Where the brightest place lies, for whoever cannot see it.
pub fn place(map: &Map) -> String {
    let place = match place_code(map) {
        "empty" => return "It found none anywhere: the map is empty.".to_owned(),
        "middle" => "in the middle".to_owned(),
        code => format!("at the {}", code.replace('-', " ")),
    };
    format!("The brightest place is {place} of what the network saw.")
}

/// What a map is not. `cells` are those of the map along one side of the picture.
pub fn caveats(cells: usize) -> Vec<String> {
    vec![
        "It shows where the network’s evidence for its answer lay, not where lesions are. \
         It is no diagnosis, and a bright place may hold no lesion at all."
            .to_owned(),
        format!(
            "It is coarse: {cells} by {cells} places over the whole picture, smoothed for the \
             eye. Small lesions cannot be told apart on it."
        ),
        "Each map is scaled to its own brightest place, so maps of two photographs cannot be \
         compared, and a map looks just as sure where the grade is wrong."
            .to_owned(),
    ]
}

/// What an occlusion map is not, beside the [`caveats`] of every map.
pub const COVERED: &str = "The grey patch is nothing that a retina has. Where covering a place \
                           changed the answer, it may be the patch that changed it.";

/// What pictures of channels show and what they do not.
pub const FEATURES: [&str; 3] = [
    "Of each channel: the photos in which it answered most. The first picture of a pair is the \
     part of the photo it answered to, the second the way back from its strongest place to the \
     pixels, through the network’s own weights (Zeiler and Fergus 2014); grey is nothing.",
    "A channel has no meaning given to it: what it answers to here is a handful of photos, \
     chosen because they excite it, and it may answer to other things elsewhere.",
    "No channel decides a grade alone, and none was taught to find a lesion.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brightest_place_is_told_in_words() {
        let place_of = |cell: usize| {
            let mut values = vec![0.0; 25];
            values[cell] = 1.0;
            place(&Map::new(5, 5, values).unwrap())
        };
        assert!(place_of(0).contains("at the upper left of"));
        assert!(place_of(12).contains("middle"));
        assert!(place_of(14).contains("at the right"));
        assert!(place_of(22).contains("bottom"));
        assert!(place(&Map::new(1, 1, vec![0.0]).unwrap()).contains("empty"));
    }
}
