use medcore::{Category, Declared, Error, Facts, Key, Result, RowAt, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multiply by a smooth field, the exponential of a random polynomial of the place in the volume, as the coil of an MR scanner does.
///
/// Coordinates run from -1 to 1 between the centres of the first and the last voxel along each axis (0 where there is one voxel). Each term
/// `P_i(x) P_j(y) P_k(z)` with `i + j + k` up to `degree` has a coefficient of its own; all channels have the same field. The polynomials are
/// Legendre's, as in MONAI's `RandBiasField`, or powers, as in TorchIO's `RandomBiasField`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "RandBiasField", "TorchIO": "BiasField, RandomBiasField"}))]
pub struct BiasField {
    /// Lowest and highest value of a coefficient, which is drawn uniformly for each term.
    pub coefficients: [f64; 2],
    /// Largest sum of powers in a term, 0 to 12.
    pub degree: usize,
    /// The polynomials.
    pub basis: Polynomials,
}

/// Polynomials of one variable: `legendre` (orthogonal on -1 to 1) or `powers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Polynomials {
    /// Legendre's.
    #[default]
    Legendre,
    /// 1, x, x², and so on.
    Powers,
}

impl Polynomials {
    /// The polynomials of degree 0 to `degree` at a place.
    fn at(self, x: f64, degree: usize) -> Vec<f64> {
        let mut out = vec![1.0, x];
        for n in 1..degree {
            let n_ = n as f64;
            out.push(match self {
                Polynomials::Legendre => ((2.0 * n_ + 1.0) * x * out[n] - n_ * out[n - 1]) / (n_ + 1.0),
                Polynomials::Powers => out[n] * x,
            });
        }
        out.truncate(degree + 1);
        out
    }
}

impl Default for BiasField {
    fn default() -> BiasField {
        BiasField { coefficients: [-0.5, 0.5], degree: 3, basis: Polynomials::Legendre }
    }
}

impl Declared for BiasField {
    const NAME: &'static str = "bias_field";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("coefficients");
    const RANDOM: bool = true;
}

impl Transform for BiasField {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let [low, high] = self.coefficients;
        if !(low <= high && low.is_finite() && high.is_finite()) {
            let found = format!("{:?}", self.coefficients);
            return Err(Error::param(Self::NAME, "coefficients", found, "two finite numbers, low then high"));
        }
        if self.degree > 12 {
            return Err(Error::param(Self::NAME, "degree", self.degree, "a whole number from 0 to 12"));
        }
        let key = key.text("coefficients");
        let drawn = |n: usize| low + (high - low) * key.index(n as u64).uniform();
        let field = Field::new(at.grid.shape, self.degree, self.basis, drawn);
        let label = format!("bias field of degree {}", self.degree);
        Ok(vec![Step::point_at(label, move |row, at| field.multiply(row, at))])
    }
}

/// The polynomials along each axis, and the coefficients of their products.
#[derive(Debug)]
struct Field {
    /// Along x, degree by degree, `nx` values each.
    along_x: Vec<f32>,
    /// Along y and z, place by place, `degree + 1` values each.
    along_y: Vec<f64>,
    along_z: Vec<f64>,
    /// Degrees in x, y, z and the coefficient.
    terms: Vec<([usize; 3], f64)>,
    degree: usize,
}

impl Field {
    /// `coefficient` is asked for term after term, z fastest.
    fn new(
        shape: [usize; 3],
        degree: usize,
        basis: Polynomials,
        coefficient: impl Fn(usize) -> f64,
    ) -> Field {
        let along = |n: usize| -> Vec<Vec<f64>> {
            let place = |i: usize| if n > 1 { 2.0 * i as f64 / (n - 1) as f64 - 1.0 } else { 0.0 };
            (0..n).map(|i| basis.at(place(i), degree)).collect()
        };
        let [x, y, z] = shape.map(along);
        let of_x = |d: usize| x.iter().map(move |values| values[d] as f32);
        let mut terms = vec![];
        for i in 0..=degree {
            for j in 0..=degree - i {
                for k in 0..=degree - i - j {
                    terms.push(([i, j, k], coefficient(terms.len())));
                }
            }
        }
        Field {
            along_x: (0..=degree).flat_map(of_x).collect(),
            along_y: y.concat(),
            along_z: z.concat(),
            terms,
            degree,
        }
    }

    fn multiply(&self, row: &mut [f32], at: &RowAt) {
        let [x, y, z] = at.index;
        let n = self.degree + 1;
        let (along_y, along_z) = (&self.along_y[y * n..][..n], &self.along_z[z * n..][..n]);
        let mut weights = [0.0f64; 13];
        for ([i, j, k], coefficient) in &self.terms {
            weights[*i] += coefficient * along_y[*j] * along_z[*k];
        }
        let weights = weights.map(|w| w as f32);
        points::multiply_by_exp(row, &self.along_x[x..], at.shape[0], &weights[..n]);
    }
}
