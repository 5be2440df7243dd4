//! What was seen to hold, as people and clients are told it.

use crate::protocol::{IsolationReport, LayerReport};
use crate::sandbox::{self, Layer, ReportedLayer};

/// What isolates a session, with or without the network. `weakened` says why nothing stronger holds, if anything would.
pub fn report(layers: &[ReportedLayer], network: bool, tier: &str, weakened: String) -> IsolationReport {
    let mut layers = layers.to_vec();
    if network {
        for layer in layers.iter_mut().filter(|l| l.active) {
            if matches!(layer.layer, Layer::OwnNetwork | Layer::NoSockets) {
                layer.active = false;
                layer.detail = "the session was given the network".into();
            }
        }
    }
    let active: Vec<Layer> = layers.iter().filter(|l| l.active).map(|l| l.layer).collect();
    IsolationReport {
        score: sandbox::score(&active),
        letters: sandbox::Letters::of(&active).to_string(),
        tier: tier.to_owned(),
        weakened,
        layers: layers
            .into_iter()
            .map(|l| LayerReport { name: l.layer.name().into(), active: l.active, detail: l.detail })
            .collect(),
    }
}
