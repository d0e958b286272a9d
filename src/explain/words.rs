//! What a map says and what it does not, in sentences that go wherever one is
//! shown.

use super::Target;

/// What a Grad-CAM shows.
pub fn grad_cam(target: Target) -> String {
    format!(
        "Bright where the network’s evidence for {} lay; clear where it found none.",
        target.words()
    )
}

/// What an occlusion map shows.
pub fn occlusion(target: Target) -> String {
    format!(
        "Bright where covering the picture with grey took the most away from {}.",
        target.words()
    )
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
